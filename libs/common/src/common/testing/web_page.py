"""A web server that answers every request with a page: what a wrong endpoint may lead to."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from typing_extensions import override

PAGE = b"<html><body>Welcome</body></html>"


class _Welcome(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # who sends asks first whether to go on

    def answer(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self.send_response(200)
        self.send_header("content-type", "text/html")
        self.send_header("content-length", str(len(PAGE)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(PAGE)

    @override
    def log_message(self, format: str, *args: object) -> None:
        """Nothing: the tests' output is theirs."""


for method in ("GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"):
    setattr(_Welcome, f"do_{method}", _Welcome.answer)


@contextmanager
def web_page() -> Iterator[str]:
    """The address of one that runs meanwhile."""
    with ThreadingHTTPServer(("127.0.0.1", 0), _Welcome) as server:
        serving = threading.Thread(target=server.serve_forever, args=(0.05,))
        serving.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        serving.join()
