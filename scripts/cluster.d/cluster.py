"""The programs of a cluster: started, watched, ended, and started again."""

import contextlib
import dataclasses
import os
import shlex
import signal
import subprocess
import sys
import time
import typing

from paths import SCRIPT, find

START_SECS = 30
# The node's own time to drain, and what a stop takes besides.
DRAIN_SECS, SPARE_SECS = 10, 5
# What people end a program with. Whatever ends by anything else has failed.
BY_SOMEBODY = {0, -signal.SIGKILL, -signal.SIGTERM, -signal.SIGINT, -signal.SIGHUP, -signal.SIGQUIT}


class Stopped(Exception):
    """Somebody wants all of it to end."""


class Failed(Exception):
    """What was asked for was not done; the text says why."""


@dataclasses.dataclass
class Program:
    """A part of the cluster. It keeps its address for as long as the cluster lives."""

    name: str
    address: str
    command: list[str]
    is_ready: typing.Callable[[], bool]
    cwd: str
    env: dict[str, str] | None = None
    # What ends it; it gets the same when this script is killed.
    goodbye: signal.Signals = signal.SIGTERM
    pass_fds: tuple[int, ...] = ()
    # What setpriv is told of the user that it runs as.
    identity: tuple[str, ...] = ()
    child: subprocess.Popen | None = None

    def is_running(self):
        return self.child is not None and self.child.returncode is None

    def has_ended(self):
        """Reaps it if it has, with what it leaves behind, such as nginx's workers, which hold its port."""
        if not self.is_running():
            return True
        if os.waitid(os.P_PID, self.child.pid, os.WEXITED | os.WNOHANG | os.WNOWAIT) is None:
            return False
        # Before it is reaped: until then nobody else can have its number.
        self.send_all(signal.SIGKILL)
        self.child.wait()
        return True

    def wait(self, secs):
        deadline = time.monotonic() + secs
        while not self.has_ended():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    def send_all(self, sign):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.child.pid, sign)

    def end(self):
        """How it ended, in words."""
        code = self.child.returncode
        if code >= 0:
            return f"ended with exit code {code}"
        try:
            return f"was ended by {signal.Signals(-code).name}"
        except ValueError:
            return f"was ended by signal {-code}"


class Cluster:
    """What runs, in the order of its start; it ends in the opposite order."""

    def __init__(self, home):
        self.home = home
        self.programs = []
        # Whether something ended that nobody ended: somebody has to read its log.
        self.has_failed = False

    def find(self, name):
        for program in self.programs:
            if program.name == name:
                return program
        raise Failed(f"there is no {name}: there are {', '.join(program.name for program in self.programs)}")

    def add(self, program):
        self.programs.append(program)
        self.start(program)
        show(program)

    def start(self, program):
        if program.is_running():
            raise Failed(f"{program.name} runs already, as process {program.child.pid}")
        # It ends with this script, however that ends.
        bound = [find("setpriv"), "--pdeathsig", program.goodbye.name.removeprefix("SIG"), *program.identity]
        log = self.home.log(program.name)
        with open(log, "ab") as out:
            begin = out.tell()
            # A group of its own: Ctrl-C is for this script, which stops the nodes while their stores still answer.
            program.child = subprocess.Popen([*bound, *program.command], stdout=out, stderr=out, stdin=subprocess.DEVNULL,
                                             cwd=program.cwd, env=program.env, pass_fds=program.pass_fds, process_group=0)
        deadline = time.monotonic() + START_SECS
        while not program.is_ready():
            ended = program.has_ended()
            if ended or time.monotonic() > deadline:
                how = program.end() if ended else f"was not ready within {START_SECS} s"
                self.kill(program)
                raise Failed(f"{program.name} did not start: it {how}, see {log}:\n{tail(log, begin)}")
            self.look(program)
            time.sleep(0.05)

    def look(self, besides=None):
        """Tells of each program that has ended since the last look."""
        for program in self.programs:
            if program is not besides and program.is_running() and program.has_ended():
                self.has_failed |= program.child.returncode not in BY_SOMEBODY
                log = self.home.log(program.name)
                print(f"{program.name} {program.end()}; its last lines are in {log}; start it again: {self.restart(program)}",
                      flush=True)

    def restart(self, program):
        """What starts it again, as people can type it."""
        said = shlex.join([str(SCRIPT), "start", program.name, "--dir", str(self.home.path)])
        return f"type \"start {program.name}\", or elsewhere {said}" if sys.stdin and sys.stdin.isatty() else said

    def stop(self, program):
        if not program.has_ended():
            program.child.send_signal(program.goodbye)
            if not program.wait(DRAIN_SECS + SPARE_SECS):
                self.kill(program)

    def kill(self, program):
        if not program.has_ended():
            program.send_all(signal.SIGKILL)
            program.child.wait()

    def stop_all(self):
        nodes = [program for program in self.programs if program.name.startswith("node-")]
        # All nodes at once: there is nobody to go to.
        for node in nodes:
            if not node.has_ended():
                node.child.send_signal(node.goodbye)
        for node in nodes:
            node.wait(DRAIN_SECS + SPARE_SECS)
        for program in reversed([program for program in self.programs if program not in nodes]):
            self.stop(program)
        self.kill_all()

    def kill_all(self):
        for program in self.programs:
            self.kill(program)


def show(program):
    state = f"process {program.child.pid}" if program.is_running() else program.end()
    print(f"{program.name:<9} {program.address}  {state}", flush=True)


def tail(log, begin):
    """The end of what a log has from a place on."""
    with open(log, "rb") as file:
        file.seek(max(begin, log.stat().st_size - 2000))
        return file.read().decode(errors="replace").rstrip()
