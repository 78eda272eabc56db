"""A web server on this computer that behaves, or misbehaves, as a test wants."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Handler(BaseHTTPRequestHandler):
    """Answers by the path of the request; `/cut/100/x` sends 100 bytes of the body."""

    server: Server

    def do_GET(self) -> None:
        self.server.requests.append(self.path)
        kind, *rest = self.path.strip("/").split("/")
        getattr(self, f"serve_{kind}")(*rest)

    def head(self, length: int | None) -> None:
        self.send_response(200)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()

    def serve_good(self, name: str) -> None:
        body = self.server.bodies.get(name, self.server.body)
        self.head(len(body))
        self.wfile.write(body)

    def serve_wrong(self, name: str) -> None:
        self.head(len(self.server.body))
        self.wfile.write(self.server.body[:-1] + b"?")

    def serve_error(self, status: str, name: str) -> None:
        self.send_error(int(status))

    def serve_cut(self, at: str, name: str) -> None:
        self.head(len(self.server.body))
        self.wfile.write(self.server.body[: int(at)])

    def serve_once(self, at: str, name: str) -> None:
        """Cut off at the first time."""
        if self.server.requests.count(self.path) == 1:
            self.serve_cut(at, name)
        else:
            self.serve_good(name)

    def serve_short(self, at: str, name: str) -> None:
        """Cut off, without having said how long it would be."""
        self.head(None)
        self.wfile.write(self.server.body[: int(at)])

    def serve_redirect(self, kind: str, name: str) -> None:
        self.send_response(302)
        self.send_header("Location", f"/{kind}/{name}")
        self.end_headers()

    def serve_loop(self, name: str) -> None:
        self.serve_redirect("loop", name)

    def serve_slow(self, name: str) -> None:
        self.head(len(self.server.body))
        step = len(self.server.body) // 4 + 1
        for start in range(0, len(self.server.body), step):
            self.wfile.write(self.server.body[start : start + step])
            self.wfile.flush()
            time.sleep(0.05)

    def serve_silent(self, name: str) -> None:
        self.server.stopped.wait(10)

    def serve_stall(self, name: str) -> None:
        self.head(len(self.server.body))
        self.wfile.write(self.server.body[:100])
        self.wfile.flush()
        self.server.stopped.wait(10)

    def log_message(self, *args: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    """The server; `requests` are the paths it was asked for.

    It has one file, under any name; and `bodies` by their names.
    """

    daemon_threads = True

    def __init__(self, body: bytes) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.body, self.requests = body, []
        self.bodies: dict[str, bytes] = {}
        self.stopped = threading.Event()

    def handle_error(self, *args: object) -> None:
        pass  # clients that hang up are what is tested

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_port}/{path}"


@contextmanager
def serving(body: bytes) -> Iterator[Server]:
    """A running server that has this file."""
    with Server(body) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.stopped.set()
        server.shutdown()
        thread.join()
