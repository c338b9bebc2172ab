#!/usr/bin/python3
"""Fixture of Marathon's API: several instances with one state, as ZooKeeper gives the real ones. `marathon.py DIR PORT ADDRESS…`

DIR/leader       address:port of the one that leads, read at each request; empty: none does
DIR/registered   while it is there, Mesos knows the framework
DIR/login        user:password that is asked for
DIR/apps/ID      the apps, as JSON (`/` in an id is `,`)
DIR/busy         while it is there, a deployment is going on, and its apps are locked
DIR/faults       lines `METHOD PATH ACTION [WORD]`, each happens once: a status, `garbage`, `hang`, `close`, `lead WORD` (another leads
                 before it answers), `kill WORD` (the process in the file WORD ends after it was done)
DIR/requests     a line for each request: address, method, path, status
"""

import base64
import fcntl
import json
import os
import signal
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DIR, PORT, ADDRESSES = sys.argv[1], int(sys.argv[2]), sys.argv[3:]
DEFAULTS = {"cmd": None, "args": None, "cpus": 1.0, "mem": 128.0, "disk": 0.0, "instances": 1, "ports": [0], "env": {}, "uris": []}
LOCK = threading.Lock()


def read(name):
    try:
        with open(os.path.join(DIR, name)) as file:
            return file.read().strip()
    except FileNotFoundError:
        return None


def write(name, text, mode="w"):
    with open(os.path.join(DIR, name), mode) as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.write(text)


def fault(method, path):
    """Takes the first fault that fits; each happens once."""
    lines = (read("faults") or "").splitlines()
    for line in lines:
        words = line.split()
        if words[0] == method and words[1] == path:
            lines.remove(line)
            write("faults", "\n".join(lines) + "\n")
            return words[2:]
    return []


def stored(app):
    """What 0.7.5 makes of an app: what is not said, and ports that it chose."""
    app = {**DEFAULTS, **app, "version": "2015-02-07T00:00:00.000Z"}
    app["id"] = "/" + app["id"].lstrip("/")
    app["ports"] = [port or 10000 + at for at, port in enumerate(app["ports"])]
    return app


def shown(app):
    return {**app, "tasksRunning": 0 if os.path.exists(os.path.join(DIR, "busy")) else app["instances"], "tasksStaged": 0}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def answer(self, status, body, kind="application/json"):
        text = body if isinstance(body, bytes) else json.dumps(body).encode()
        # As Jackson and others write it; nobody may rely on blanks.
        write("requests", f"{self.server.server_address[0]} {self.command} {self.path} {status}\n", "a")
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def do_GET(self):
        self.handle_one()

    do_PUT = do_DELETE = do_GET

    def handle_one(self):
        length = int(self.headers.get("Content-Length") or 0)
        sent = self.rfile.read(length)
        path, _, query = self.path.partition("?")
        login = read("login")
        if login and self.headers.get("Authorization") != "Basic " + base64.b64encode(login.encode()).decode():
            return self.answer(401, {"message": "who are you?"})
        with LOCK:
            action, *word = fault(self.command, path) or [None]
            if action == "lead":
                write("leader", word[0])
        if action == "hang":
            time.sleep(120)
        if action == "close":
            self.close_connection = True
            return None
        if action == "garbage":
            return self.answer(200, b"<html>It works!</html>", "text/html")
        if action and action.isdigit():
            return self.answer(int(action), {"message": f"fixture says {action}; zk://u:s3cr3t@h \x1b[2J"})
        with LOCK:
            status, body = self.do(path, "force=true" in query, sent)
        if action == "kill":
            os.kill(int(read(word[0])), signal.SIGKILL)
        return self.answer(status, body)

    def do(self, path, force, sent):
        if path == "/v2/info":
            known = read("registered") is not None
            return 200, {"name": "marathon", "version": "0.7.5", "leader": read("leader") or None, "frameworkId": "f-1" if known else None}
        if path == "/ping":
            return 200, b"pong"
        if not read("leader"):
            return 503, {"message": "Could not determine the current leader"}
        names = sorted(os.listdir(os.path.join(DIR, "apps")))
        if path == "/v2/apps":
            return 200, {"apps": [shown(json.loads(read("apps/" + name))) for name in names]}
        if path == "/v2/deployments":
            return 200, [{"id": "d-1"}] if read("busy") is not None else []
        if not path.startswith("/v2/apps/"):
            return 404, {"message": "no such place"}
        name = path[len("/v2/apps/") :].strip("/").replace("/", ",")
        if self.command == "GET":
            return (200, {"app": shown(json.loads(read("apps/" + name)))}) if name in names else (404, {"message": "App does not exist"})
        if read("busy") is not None and not force:
            return 409, {"message": "App is locked by one or more deployments. Override with the option '?force=true'."}
        if self.command == "DELETE":
            if name not in names:
                return 404, {"message": "App does not exist"}
            os.remove(os.path.join(DIR, "apps", name))
            return 200, {"version": "v", "deploymentId": "d"}
        write("apps/" + name, json.dumps(stored(json.loads(sent))))
        return 200 if name in names else 201, {"version": "v", "deploymentId": "d"}

    def log_message(self, *_):
        pass


os.makedirs(os.path.join(DIR, "apps"), exist_ok=True)
servers = [ThreadingHTTPServer((address, PORT), Handler) for address in ADDRESSES]
for server in servers:
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
print("ready", flush=True)
# Whoever started it holds the other end.
sys.stdin.read()
