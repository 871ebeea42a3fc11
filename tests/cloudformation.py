"""What CloudFormation is told by custom resources."""

import contextlib
import http.server
import json
import threading
from collections.abc import Iterator
from typing import Any


class Answers(list[dict[str, Any]]):
    """What CloudFormation was told, and where."""

    url: str


@contextlib.contextmanager
def listening() -> Iterator[Answers]:
    """Take answers at an address of this machine."""
    answers = Answers()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            length = int(self.headers["content-length"])
            answers.append(json.loads(self.rfile.read(length)))
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Handler) as web:
        threading.Thread(target=web.serve_forever, daemon=True).start()
        answers.url = f"http://127.0.0.1:{web.server_port}/answer"
        yield answers
        web.shutdown()
