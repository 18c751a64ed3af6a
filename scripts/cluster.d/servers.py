"""The nodes, and nginx in front of them."""

import os
import pathlib
import re
import subprocess
import sys
import urllib.error
import urllib.request

from cluster import DRAIN_SECS, Failed, Program
from paths import ROOT, find, free_port

NGINX_CONF = ROOT / "deploy" / "nginx" / "runcast.conf"

# What stands around the shipped part, which is a part of nginx' http block. All paths start at its own directory.
NGINX_AROUND = """daemon off;
{user}
worker_processes 2;
worker_rlimit_nofile 8192;
pid nginx.pid;
error_log error.log;
events {{ worker_connections 4096; }}
http {{
    access_log access.log;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    include runcast.conf;
}}
"""

# What names a store of artifacts elsewhere, and what such stores want to know.
ELSEWHERE = ("RUNCAST__OBJECTS__URL", "SUPABASE_STORAGE_BUCKET")
OF_STORES = ("AWS_", "AZURE_", "GOOGLE_", "SUPABASE_")


def build(options):
    if options.bin:
        return str(options.bin.resolve())
    profile = [] if options.debug else ["--release"]
    if subprocess.run([find("cargo"), "build", "--locked", "--bin", "runcast", *profile], cwd=ROOT, check=False).returncode:
        sys.exit("runcast could not be built")
    target = ROOT / os.environ.get("CARGO_TARGET_DIR", "target")
    return str(target / ("debug" if options.debug else "release") / "runcast")


def is_ready(port):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready?strict=1", timeout=5) as answer:
            return answer.status == 200
    except (urllib.error.URLError, ConnectionError, TimeoutError):
        return False


def artifacts(home):
    """What the nodes are told of the store of artifacts: a directory that they share, unless the caller names another."""
    key = {"RUNCAST__OBJECTS__SIGNING_KEY": home.secret("signing-key")}
    if any(os.environ.get(name) for name in ELSEWHERE):
        return key | {name: value for name, value in os.environ.items() if name.startswith(OF_STORES)}
    return key | {"RUNCAST__OBJECTS__URL": f"dir:{home.folder('objects')}"}


def node(home, name, binary, redis, database, listen):
    folder, port = home.folder(name), free_port()
    # Only what is meant for runcast reaches it; what the caller says wins over the first few.
    env = {"RUNCAST__ARTIFACTS__SPOOL_DIR": str(folder / "spool"),
           "RUNCAST__ARTIFACTS__TRACE_VIEWER_DIR": str(ROOT / "trace-viewer")} | artifacts(home)
    env |= {key: value for key, value in os.environ.items() if key.startswith("RUNCAST__") or key in ("PATH", "HOME")}
    env |= {"REDIS_URL": redis, "DATABASE_URL": database, "RUNCAST__SERVER__NODE_ID": name,
            "RUNCAST__SERVER__TRUSTED_PROXIES": "127.0.0.1", "RUNCAST__SERVER__DRAIN_SECS": str(DRAIN_SECS)}
    command = [binary, "serve", "--bind", f"{listen}:{port}", "--data-dir", str(folder)]
    return Program(name, f"http://127.0.0.1:{port}", command, lambda: is_ready(port), str(folder), env)


def nginx_conf(nodes, port):
    """The shipped file, with these nodes and this port."""
    lines = []
    for line in NGINX_CONF.read_text(encoding="utf-8").splitlines():
        if re.match(r"\s*server runcast-1:", line):
            lines += [line.replace("runcast-1:3001", node) for node in nodes]
        elif not re.match(r"\s*server runcast-\d+:", line):
            lines.append(line.replace("listen 80;", f"listen 127.0.0.1:{port};"))
    text = "\n".join(lines) + "\n"
    for needed in (f"{nodes[0]} ", f"listen 127.0.0.1:{port};"):
        if needed not in text:
            raise Failed(f"{NGINX_CONF} is not understood: no place for {needed!r}")
    return text


def nginx(home, nodes):
    folder, port = home.folder("nginx"), free_port()
    # Workers of another user could not reach the directory.
    user = "user root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(NGINX_AROUND.format(user=user))
    hosts = [pathlib.PurePosixPath(node.address).name for node in nodes]
    (folder / "runcast.conf").write_text(nginx_conf(hosts, port), encoding="utf-8")
    command = [find("nginx"), "-p", ".", "-e", "error.log", "-c", "nginx.conf"]
    return Program("nginx", f"http://127.0.0.1:{port}", command, lambda: is_ready(port), str(folder))
