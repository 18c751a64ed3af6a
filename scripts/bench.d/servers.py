"""The servers that are compared, each started afresh for every measurement."""

import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile
import time

from harness import BIN, FAULTS, MEASUREMENT_SECS, START_SECS, descendants, free_port, is_ready, process_group, runcast_command

NCHAN_MODULE = pathlib.Path("/usr/lib/nginx/modules/ngx_nchan_module.so")
DESCRIPTORS = 20_000

# One worker, because runcast gets one. No access log, and connections that are never recycled, because neither is what
# is compared. The message buffer (100 messages, 1 minute) is what a page that reconnects would need; it is in shared
# memory that is large enough never to evict. nchan keeps it in memory only, while runcast stores every event durably.
NGINX_CONF = """
load_module {module};
{user}
daemon off;
pid nginx.pid;
error_log error.log warn;
worker_processes 1;
worker_rlimit_nofile {descriptors};
events {{ worker_connections {descriptors}; }}
http {{
    access_log off;
    keepalive_timeout 1h;
    keepalive_requests 1000000000;
    client_body_buffer_size 64k;
    client_body_temp_path body;
    proxy_temp_path proxy;
    fastcgi_temp_path fastcgi;
    uwsgi_temp_path uwsgi;
    scgi_temp_path scgi;
    nchan_shared_memory_size 512m;
    nchan_message_buffer_length 100;
    nchan_message_timeout 1m;
    server {{
        listen 127.0.0.1:{port} backlog=4096;
        location = /ready {{ return 200; }}
        location = /pub {{ nchan_publisher http; nchan_channel_id $arg_id; }}
        location = /sub {{
            nchan_subscriber websocket;
            nchan_channel_id $arg_id;
            nchan_subscriber_first_message newest;
        }}
    }}
}}
"""


def nginx():
    """Debian keeps it out of the PATH of users."""
    return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")


def nchan_command(home, port, _workers):
    user = "user root;" if os.geteuid() == 0 else ""
    conf = NGINX_CONF.format(module=NCHAN_MODULE, user=user, port=port, descriptors=DESCRIPTORS)
    (home / "nginx.conf").write_text(conf)
    return [nginx(), "-e", "error.log", "-p", str(home), "-c", str(home / "nginx.conf")], None


def nchan_lacks():
    """What of nginx + nchan is not installed."""
    return [name for name, there in (("nginx", nginx()), ("libnginx-mod-nchan", NCHAN_MODULE.exists())) if not there]


def bare_command(_home, port, _workers):
    return [str(BIN / "bare-server"), "--bind", f"127.0.0.1:{port}"], None


def before_command(program):
    """Another state of runcast, measured in the same rounds. It may not know every key of our config.toml."""
    def command(home, port, workers):
        (_, *arguments), env = runcast_command(home, port, workers)
        (home / "defaults.toml").touch()
        return [str(program), *arguments, "--config", str(home / "defaults.toml")], env
    return command


# How each is started: a function of its directory, its port and its worker threads. --before adds "before".
COMMANDS = {"runcast": runcast_command, "nchan": nchan_command, "bare": bare_command}


@contextlib.contextmanager
def server(target, workers=1):
    """A fresh server in a directory of its own; yields its address and its processes."""
    with tempfile.TemporaryDirectory(prefix=f"bench-{target}-") as home:
        home, port = pathlib.Path(home), free_port()
        argv, env = COMMANDS[target](home, port, workers)
        with process_group(argv, home / "log", env) as child:
            deadline = time.monotonic() + START_SECS
            while not is_ready(port):
                if child.poll() is not None or time.monotonic() > deadline:
                    sys.exit(f"{target} did not become ready:\n{(home / 'log').read_text()[-2000:]}")
                time.sleep(0.02)
            yield f"127.0.0.1:{port}", descendants(child.pid)


def measure(target, *scenario, workers=1):
    """One measurement of one fresh server."""
    with server(target, workers) as (addr, pids):
        spoken = "runcast" if target == "before" else target
        site = ["--target", spoken, "--addr", addr, "--pids", ",".join(map(str, pids))]
        command = [BIN / "runcast-load", *site, *map(str, scenario)]
        done = subprocess.run(command, stdout=subprocess.PIPE, check=True, timeout=MEASUREMENT_SECS)
    result = json.loads(done.stdout)
    for fault in ("missing", "extra", "disordered"):
        if result.get(fault):
            FAULTS.append(f"{target} {' '.join(map(str, scenario))}: {result[fault]} deliveries {fault}")
    return result


def interleaved(rounds, variants):
    """Measures every variant once per round, so that whatever the machine does meanwhile meets all alike; every other
    round runs backwards, so that nobody always goes first."""
    results = {name: [] for name in variants}
    for number in range(rounds):
        for name, (target, scenario, workers, variant_rounds) in list(variants.items())[:: -1 if number % 2 else 1]:
            if number < variant_rounds:
                results[name].append(measure(target, *scenario, workers=workers))
    return results
