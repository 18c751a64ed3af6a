"""Redis and PostgreSQL."""

import contextlib
import os
import pwd
import signal
import socket
import subprocess

from cluster import Failed, Program
from paths import find, free_port

REDIS_CONF = """bind 127.0.0.1
port {port}
appendonly yes
appendfsync always
save ""
"""

POSTGRES_CONF = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nshared_buffers = 16MB\n"


def redis(home):
    folder, port = home.folder("redis"), free_port()
    # Its directory is the one that it starts in: a path could need quotes.
    (folder / "redis.conf").write_text(REDIS_CONF.format(port=port))
    return Program("redis", f"redis://127.0.0.1:{port}", [find("redis-server"), "redis.conf"], lambda: pong(port), str(folder))


def pong(port):
    """Whether it has read what it has kept."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(b"PING\r\n")
        return connection.recv(64).startswith(b"+PONG")
    return False


def postgres(home):
    folder, password = home.folder("postgres"), home.secret("postgres/password")
    data, port = folder / "data", free_port()
    data.mkdir(exist_ok=True)
    # It opens its directory by a descriptor: as another user it need not get through those above, which may be root's alone.
    descriptor = os.open(data, os.O_RDONLY | os.O_DIRECTORY)
    opened = f"/proc/self/fd/{descriptor}"
    owner, identity = None, ()
    if os.geteuid() == 0:
        # It refuses to run as root.
        names = {user.pw_name: user for user in pwd.getpwall()}
        owner = names.get("postgres") or names["nobody"]
        identity = (f"--reuid={owner.pw_uid}", f"--regid={owner.pw_gid}", "--clear-groups")
        os.chown(data, owner.pw_uid, owner.pw_gid)
    if not (data / "PG_VERSION").exists():
        prepare(identity, owner, descriptor, password)
        with open(data / "postgresql.conf", "a", encoding="ascii") as conf:
            conf.write(POSTGRES_CONF)
    ready = [find("pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(port)]
    return Program(
        "postgres",
        f"postgres://runcast:{password}@127.0.0.1:{port}/postgres",
        [find("postgres"), "-D", opened, f"--port={port}"],
        lambda: subprocess.run(ready, check=False).returncode == 0,
        "/",
        # It does not wait for its clients.
        goodbye=signal.SIGINT,
        pass_fds=(descriptor,),
        identity=identity,
    )


def prepare(identity, owner, descriptor, password):
    """Makes what is in the directory."""
    secret = os.memfd_create("password")
    os.write(secret, password.encode())
    if owner:
        os.fchown(secret, owner.pw_uid, owner.pw_gid)
    command = [find("setpriv"), *identity, find("initdb"), "--username=runcast", "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C",
               f"--pwfile=/proc/self/fd/{secret}", f"--pgdata=/proc/self/fd/{descriptor}"]
    made = subprocess.run(command, cwd="/", pass_fds=(secret, descriptor), stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False)
    os.close(secret)
    if made.returncode != 0:
        raise Failed(f"initdb failed:\n{made.stdout}")
