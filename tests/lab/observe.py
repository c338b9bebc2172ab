"""observe.py MASTER...: prints what each master's daemons say of themselves, as one JSON object.

What does not answer is null. Runs on a machine of the lab, so that it sees what a peer sees.
"""

import json
import socket
import sys
import urllib.request


def asked(address, word):
    """A four-letter word of ZooKeeper, as name and value."""
    with socket.create_connection((address, 2181), timeout=3) as connection:
        connection.sendall(word.encode())
        text = b"".join(iter(lambda: connection.recv(65536), b"")).decode()
    lines = (line.replace("=", "\t", 1).split("\t") for line in text.splitlines())
    return {line[0]: line[1] for line in lines if len(line) == 2}


def fetched(url):
    with urllib.request.urlopen(url, timeout=3) as answer:
        return json.load(answer)


def redirect(address):
    """Where a master sends a browser: the leader."""

    class Stay(urllib.request.HTTPRedirectHandler):
        def redirect_request(self, *_):
            return None

    try:
        urllib.request.build_opener(Stay).open(f"http://{address}:5050/master/redirect", timeout=3)
    except urllib.error.HTTPError as answer:
        return answer.headers["Location"]


def seen(look, *arguments):
    try:
        return look(*arguments)
    except (OSError, ValueError):
        return None


print(
    json.dumps(
        {
            address: {
                "zookeeper": {**(seen(asked, address, "mntr") or {}), **(seen(asked, address, "conf") or {})},
                "metrics": seen(fetched, f"http://{address}:5050/metrics/snapshot"),
                "mesos": seen(fetched, f"http://{address}:5050/master/state.json"),
                "redirect": seen(redirect, address),
                "marathon": seen(fetched, f"http://{address}:8080/v2/info"),
                "chronos": seen(fetched, f"http://{address}:4400/v2/info"),
            }
            for address in sys.argv[1:]
        }
    )
)
