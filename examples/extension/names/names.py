#!/usr/bin/env python3
"""Names that users sign up for, first come, first served; on the disk before it answers. usage: names.py ADDRESS PORT FILE"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

ADDRESS, PORT, FILE = sys.argv[1:]
LOCK = threading.Lock()
OWNERS = {}
os.makedirs(os.path.dirname(FILE), exist_ok=True)
JOURNAL = open(FILE, "a+", encoding="utf-8")
JOURNAL.seek(0)
for line in JOURNAL:
    # What follows the last newline was cut off.
    if line.endswith("\n"):
        name, token = json.loads(line)
        OWNERS.setdefault(name, token)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    # Header and body are two writes: without it the second waits for an answer to the first.
    disable_nagle_algorithm = True

    def log_message(self, *_):
        pass

    def answer(self, status, value=None):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self):
        if not self.path.startswith("/users/"):
            return self.answer(200, "names")
        name = self.path.rsplit("/", 1)[1]
        with LOCK:
            owner = OWNERS.get(name)
        self.answer(404) if owner is None else self.answer(200, {"name": name, "owner": owner})

    def do_POST(self):
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name, token = asked["name"], asked["token"]
        with LOCK:
            if name not in OWNERS:
                JOURNAL.write(json.dumps([name, token]) + "\n")
                JOURNAL.flush()
                os.fsync(JOURNAL.fileno())
                OWNERS[name] = token
            owner = OWNERS[name]
        self.answer(201 if owner == token else 409, {"name": name})


class Server(ThreadingHTTPServer):
    request_queue_size = 512
    daemon_threads = True


Server((ADDRESS, int(PORT)), Handler).serve_forever()
