"""Answers every request with its own name, the path and its environment; a child sleeps beside."""

import http.server
import json
import os
import subprocess
import sys


class Handler(http.server.BaseHTTPRequestHandler):
    """Says who was asked for what."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        environment = dict(os.environ)  # noqa: TID251  (what this program is there to show)
        seen = {"service": sys.argv[1], "path": self.path, "environment": environment}
        body = json.dumps(seen).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        """Dies in the middle of a body, as a killed gateway does."""
        os._exit(1)


if __name__ == "__main__":
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(3600)"])
    port = int(os.environ["REPRISE_HTTP_PORT"])  # noqa: TID251
    http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()
