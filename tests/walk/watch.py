"""watch.py OUT JUTE ADDRESS...: looks at masters all the time, as a client does, and writes to ZooKeeper all the time.

OUT gets a line of JSON for each look, with the time, what each server of ZooKeeper says that it is, and what each Mesos master says
of itself; and one for each node below /walk that ZooKeeper has acknowledged, with its name. JUTE is the folder of the client.

watch.py kept JUTE ADDRESS:PORT: prints the names of all nodes below /walk that this one server has, as a JSON list.
"""

import concurrent.futures
import json
import socket
import sys
import threading
import time
import urllib.request

PORTS = (2181, 2182)  # before and after a change of the port


def server(address):
    for port in PORTS:
        try:
            with socket.create_connection((address, port), timeout=1) as connection:
                connection.sendall(b"srvr")
                text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
            modes = [line.partition(": ")[2] for line in text.splitlines() if line.startswith("Mode: ")]
            if modes:
                return modes[0]
        except OSError:
            continue
    return None


def master(address):
    try:
        with urllib.request.urlopen(f"http://{address}:5050/metrics/snapshot", timeout=1) as answer:
            elected = json.load(answer)["master/elected"]
        with urllib.request.urlopen(f"http://{address}:5050/master/state.json", timeout=1) as answer:
            state = json.load(answer)
    except (OSError, ValueError):
        return None
    names = {kind: {entry["hostname" if kind == "slaves" else "name"]: entry["id"] for entry in state[kind]} for kind in ("slaves", "frameworks")}
    return {"elected": elected == 1, "quorum": int(state["flags"]["quorum"]), **names}


def write(hosts, say):
    from jute import SessionExpired, ZooKeeper

    zk = ZooKeeper(hosts, log=lambda _: None)
    while True:
        try:
            zk.ensure("/walk")
            while True:
                say({"wrote": zk.create("/walk/n", sequence=True).rpartition("/")[2]})
                time.sleep(0.2)
        except SessionExpired:
            zk = ZooKeeper(hosts, log=lambda _: None)


def main():
    out, jute, *addresses = sys.argv[1:]
    sys.path.insert(0, jute)
    if out == "kept":
        from jute import ZooKeeper

        print(json.dumps(ZooKeeper(addresses[0], log=lambda _: None).children("/walk")))
        return
    lock = threading.Lock()
    with open(out, "w", encoding="utf-8") as lines:

        def say(line):
            with lock:
                print(json.dumps(line), file=lines, flush=True)

        hosts = ",".join(f"{address}:{port}" for port in PORTS for address in addresses)
        threading.Thread(target=write, args=(hosts, say), daemon=True).start()
        with concurrent.futures.ThreadPoolExecutor(2 * len(addresses)) as pool:
            while True:
                servers = {address: pool.submit(server, address) for address in addresses}
                masters = {address: pool.submit(master, address) for address in addresses}
                seen = [{address: asked.result() for address, asked in all_.items()} for all_ in (servers, masters)]
                say({"at": time.time(), "zookeeper": seen[0], "mesos": seen[1]})
                time.sleep(0.2)


main()
