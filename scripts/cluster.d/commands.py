"""What can be said to a cluster that runs: typed where it runs, or by another call of the script."""

import contextlib
import io
import os
import select
import socket
import sys

from cluster import Failed, show

COMMANDS = ("status", "start", "stop", "kill")
HELP = "say status, or start, stop or kill and one of "
# A UNIX socket in the cluster's directory, by a relative path: an absolute one may be longer than a socket's may be.
SOCKET = "control"
LONGEST = 4096


def obey(cluster, words):
    """Does what the words say, and prints what came of it."""
    known = ", ".join(program.name for program in cluster.programs)
    match words:
        case ["status"]:
            for program in cluster.programs:
                show(program)
        case ["start", name]:
            program = cluster.find(name)
            cluster.start(program)
            show(program)
        case ["stop" | "kill" as how, name]:
            program = cluster.find(name)
            if not program.is_running():
                raise Failed(f"{name} does not run")
            {"stop": cluster.stop, "kill": cluster.kill}[how](program)
            print(f"{name} {program.end()}; start it again: {cluster.restart(program)}", flush=True)
        case _:
            raise Failed(HELP + known)


class Ears:
    """Where a cluster hears commands."""

    def __init__(self, home):
        self.home = home
        self.typed = sys.stdin.fileno() if sys.stdin else None
        self.line = b""
        with contextlib.chdir(home.path):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(SOCKET)
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.bind(SOCKET)
            os.chmod(SOCKET, 0o600)
            self.socket.listen()

    def close(self):
        self.socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.home.path / SOCKET)

    def hear(self, cluster, secs):
        """Obeys what is said within some seconds."""
        sources = [self.socket, *([self.typed] if self.is_typed_to() else [])]
        for source in select.select(sources, [], [], secs)[0]:
            if source is self.socket:
                self.answer(cluster)
            else:
                self.read(cluster)

    def is_typed_to(self):
        """Not in the background: what is typed then is meant for the shell."""
        if self.typed is None:
            return False
        try:
            return not os.isatty(self.typed) or os.tcgetpgrp(self.typed) == os.getpgrp()
        except OSError:
            return False

    def read(self, cluster):
        new = os.read(self.typed, LONGEST)
        *lines, self.line = (self.line + new).split(b"\n")
        if not new or len(self.line) > LONGEST:
            self.typed = None
        for line in lines:
            if words := line.decode(errors="replace").split():
                try:
                    obey(cluster, words)
                except Failed as error:
                    print(error, flush=True)

    def answer(self, cluster):
        connection, _ = self.socket.accept()
        # Who asks writes at once; nobody holds up the others.
        connection.settimeout(5)
        with connection, contextlib.suppress(OSError):
            words = connection.recv(LONGEST).decode(errors="replace").split()
            told, code = io.StringIO(), 0
            with contextlib.redirect_stdout(told):
                try:
                    obey(cluster, words)
                except Failed as error:
                    print(error)
                    code = 1
            if words != ["status"]:
                # What was done is told here, too: whoever looks on would wonder.
                sys.stdout.write(told.getvalue())
                sys.stdout.flush()
            connection.sendall(f"{code}\n{told.getvalue()}".encode())


def ask(folder, words):
    """Says it to the cluster that runs in a directory; the exit code."""
    try:
        with contextlib.chdir(folder), socket.socket(socket.AF_UNIX) as connection:
            connection.connect(SOCKET)
            connection.sendall(" ".join(words).encode())
            with connection.makefile(encoding="utf-8") as answer:
                code, told = answer.readline().strip(), answer.read()
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError):
        sys.exit(f"no cluster runs in {folder}: scripts/cluster --dir {folder} starts one")
    except OSError as error:
        sys.exit(f"the cluster in {folder} can't be asked: {error.strerror or error}")
    if not code:
        sys.exit(f"the cluster in {folder} has ended meanwhile")
    print(told, end="", file=sys.stderr if code != "0" else sys.stdout)
    return int(code)
