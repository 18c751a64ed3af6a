"""A cluster from its start to its end."""

import os
import sys

from cluster import Cluster, Failed, Stopped
from commands import Ears
from paths import find
from servers import artifacts, build, nginx, node
from stores import postgres, redis

# How soon an end is told.
LOOK_SECS = 0.1


def run(options, home):
    for program in ["redis-server", "postgres", "initdb", "pg_isready"] + ([] if options.no_nginx else ["nginx"]):
        find(program)
    binary = build(options)
    home.open()
    cluster, ears, is_kept = Cluster(home), Ears(home), True
    try:
        start(options, cluster, binary)
        while True:
            cluster.look()
            ears.hear(cluster, LOOK_SECS)
    except Stopped:
        is_kept = cluster.has_failed
        print("stopping", flush=True)
    except Failed as error:
        sys.exit(str(error))
    finally:
        try:
            cluster.stop_all()
        except Stopped:
            # Asked twice.
            cluster.kill_all()
        ears.close()
        home.close(is_kept)


def start(options, cluster, binary):
    """Starts all of it, and says where it is."""
    home = cluster.home
    for store in (redis, postgres):
        cluster.add(store(home))
    addresses = [program.address for program in cluster.programs]
    for number in range(1, options.nodes + 1):
        cluster.add(node(home, f"node-{number}", binary, *addresses, options.listen))
    if not options.no_nginx:
        cluster.add(nginx(home, [program for program in cluster.programs if program.name.startswith("node-")]))
    print(f"artifacts in {store_of(home)}")
    print(f"logs in {home.path}; Ctrl-C stops it all; meanwhile type status, start, stop or kill, and a name", flush=True)


def store_of(home):
    """Where artifacts are, in words."""
    url = os.environ.get("RUNCAST__OBJECTS__URL") or artifacts(home).get("RUNCAST__OBJECTS__URL")
    return url or "the store that the environment names"
