"""What it costs to find out who sends a request: the same request with open access, with an API key, and with a token."""

import base64
import contextlib
import hashlib
import hmac
import json
import pathlib
import socket
import tempfile
import time
import urllib.request

from harness import free_port, interval, is_ready, process_group, runcast_command, table, wait_for

SECRET = "a secret of the benchmark, which is known to all"
ISSUER = [{"name": "bench", "issuer": "bench", "secret": SECRET, "audiences": "bench",
           "rules": [{"scopes": ["view", "publish"], "runs": ["*"]}]}]
PATH = "/api/runs/bench"


def token():
    """A JSON Web Token of the issuer, good for an hour."""
    part = lambda value: base64.urlsafe_b64encode(value).rstrip(b"=")
    now = int(time.time())
    claims = {"iss": "bench", "aud": "bench", "sub": "somebody", "iat": now, "exp": now + 3_600}
    signed = b".".join(part(json.dumps(value).encode()) for value in ({"alg": "HS256", "typ": "JWT"}, claims))
    return (signed + b"." + part(hmac.digest(SECRET.encode(), signed, hashlib.sha256))).decode()


@contextlib.contextmanager
def server(home, mode):
    """A node; yields its port, its process and its data directory."""
    home.mkdir()
    port = free_port()
    command, env = runcast_command(home, port, 1)
    env |= {"RUNCAST__AUTH__MODE": mode, "RUNCAST__AUTH__ISSUERS": json.dumps(ISSUER)}
    with process_group(command, home / "log", env) as child:
        wait_for("runcast", home / "log", lambda: is_ready(port))
        yield port, child.pid, home / "data"


def cpu_secs(pid):
    """What all threads of the process have run, in seconds."""
    tasks = pathlib.Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def ask(port, pid, credential, count):
    """Sends so many requests on one connection, one after the other; the server's CPU per request, in us."""
    authorization = f"Authorization: Bearer {credential}\r\n" if credential else ""
    request = f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{authorization}\r\n".encode()
    with socket.create_connection(("127.0.0.1", port)) as connection:
        answers = connection.makefile("rb")
        before = cpu_secs(pid)
        for _ in range(count):
            connection.sendall(request)
            status = answers.readline()
            if b" 200 " not in status:
                raise SystemExit(f"bench: {status!r}")
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            answers.read(length)
        return (cpu_secs(pid) - before) / count * 1e6


def post(port, credential):
    headers = {"content-type": "application/json"} | ({"authorization": f"Bearer {credential}"} if credential else {})
    url = f"http://127.0.0.1:{port}{PATH}/events"
    body = json.dumps({"type": "run_status", "status": "running"}).encode()
    urllib.request.urlopen(urllib.request.Request(url, body, headers)).close()


def access(options):
    count, rounds = (500, 2) if options.quick else (20_000, 7)
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as stack:
        scratch = pathlib.Path(scratch)
        open_port, open_pid, _ = stack.enter_context(server(scratch / "open", "open"))
        port, pid, data = stack.enter_context(server(scratch / "token", "token"))
        first = (data / "admin.key").read_text().strip()
        post(open_port, None)
        post(port, first)
        variants = {"open access": (open_port, open_pid, None), "API key": (port, pid, first), "token (JWT)": (port, pid, token())}
        found = {name: [] for name in variants}
        for number in range(rounds + 1):
            for name, variant in variants.items():
                cost = ask(*variant, count if number else count // 10)
                if number:  # the first round warms up
                    found[name].append(cost)
    rows = []
    for name, costs in found.items():
        more = [cost - least for cost, least in zip(costs, found["open access"])]
        rows.append([name, *("{:.1f} ({:.1f}-{:.1f})".format(*interval(values)) for values in (costs, more))])
    table(f"Who asks: GET {PATH}, {count:,} requests on one connection, {rounds} rounds",
          ["", "CPU of the server, us per request", "more than with open access, us"], rows)
