"""Where things are: this script, the repository, programs, free ports."""

import contextlib
import os
import pathlib
import random
import shutil
import socket
import sys

SCRIPT = pathlib.Path(__file__).resolve().parent.parent / "cluster"
ROOT = SCRIPT.parent.parent
PACKAGES = {"redis-server": "redis-server", "postgres": "postgresql", "initdb": "postgresql", "pg_isready": "postgresql",
            "nginx": "nginx", "setpriv": "util-linux", "cargo": "rustc and cargo, or https://rustup.rs"}


def find(program):
    """Where a program is: in the PATH, or where Debian has what is not in everybody's."""
    postgres = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    places = os.pathsep.join([os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", *map(str, postgres)])
    found = shutil.which(program, path=places)
    if not found:
        sys.exit(f"{program} is missing: install {PACKAGES[program]} (Debian: apt-get install {PACKAGES[program]})")
    return found


def free_port():
    """A free port below those that the kernel gives to whoever asks for any."""
    while True:
        port = random.randrange(12_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
