"""Pages of the local stack: files of a folder, for a browser on this machine alone."""

import json
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar

HOSTS = ("127.0.0.1", "localhost")
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_HEADERS = {
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


class Handler(BaseHTTPRequestHandler):
    """Answers with the files of `folder`: `index.html` for `/`, the others by their names."""

    folder: ClassVar[Path]
    policy: ClassVar[str]
    """The Content-Security-Policy."""
    timeout = 30  # seconds; a browser that opens a connection in advance may never ask

    def do_GET(self) -> None:
        """Answer with a file, or with 404."""
        if self.is_for_here():
            name = self.path.partition("?")[0].removeprefix("/") or "index.html"
            if name in {file.name for file in self.folder.iterdir()}:
                file = self.folder / name
                self.answer(200, f"{_TYPES[file.suffix]}; charset=utf-8", file.read_bytes())
            else:
                self.send_error(404)

    def is_for_here(self) -> bool:
        """Return whether the request names this machine and port; if not, answer 403.

        A page of elsewhere could have its own name lead to this machine (DNS rebinding).
        """
        if self.headers.get_all("host") in [[host] for host in self.names()]:
            return True
        self.send_error(403, "This page is for this machine only")
        return False

    def names(self) -> list[str]:
        """Return what a browser on this machine may call the server."""
        _, port = self.connection.getsockname()
        return [f"{host}:{port}" for host in HOSTS]

    def answer_json(self, status: int, value: Any) -> None:
        """Answer with a value as JSON."""
        self.answer(status, "application/json", json.dumps(value).encode())

    def answer(self, status: int, content_type: str, body: bytes) -> None:
        """Answer with a body."""
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def end_headers(self) -> None:
        """Add the headers that protect the page to every answer, those of errors included."""
        headers: Mapping[str, str] = _HEADERS | {"Content-Security-Policy": self.policy}
        for name, value in headers.items():
            self.send_header(name, value)
        super().end_headers()

    def log_message(self, *_: Any) -> None:
        """Print nothing: the terminal shows mails."""


def serve(port: int, handler: type[Handler]) -> ThreadingHTTPServer:
    """Listen on loopback, in a thread."""
    server = ThreadingHTTPServer((HOSTS[0], port), handler)
    Thread(target=server.serve_forever, daemon=True).start()
    return server
