"""The directory of a cluster."""

import fcntl
import os
import pathlib
import secrets
import shutil
import sys
import tempfile


class Home:
    """Where everything of one cluster is: logs, data, artifacts. One cluster at a time has it."""

    def __init__(self, asked):
        """`asked` is kept; None: a temporary directory, which is made when the first program needs it."""
        self.asked = asked
        self.path = None
        self.lock = None

    def open(self):
        if self.asked:
            self.asked.mkdir(parents=True, exist_ok=True)
            self.path = self.asked.resolve()
        else:
            self.path = pathlib.Path(tempfile.mkdtemp(prefix="runcast-cluster-")).resolve()
        self.lock = open(self.path / "lock", "a", encoding="ascii")
        try:
            fcntl.flock(self.lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            sys.exit(f"a cluster runs in {self.path} already: stop it there by Ctrl-C, or choose another --dir")

    def folder(self, name):
        folder = self.path / name
        folder.mkdir(exist_ok=True)
        return folder

    def log(self, name):
        return self.path / f"{name}.log"

    def secret(self, name):
        """A random text that is made once, and read again by the next start."""
        file = self.path / name
        if not file.exists():
            with open(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as out:
                out.write(secrets.token_hex(32))
        return file.read_text(encoding="ascii")

    def close(self, keep):
        """Removes a temporary directory, unless somebody has to read its logs."""
        if self.asked or keep:
            print(f"logs stay in {self.path}", flush=True)
        else:
            shutil.rmtree(self.path, ignore_errors=True)
        self.lock.close()
