"""A server of files that only this machine reaches."""

from collections.abc import Mapping
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

# Where config/datasets.csv says that the archives are served.
PORT = 18437


def server(contents: Mapping[str, bytes], port: int) -> ThreadingHTTPServer:
    """Return an HTTP server of files on 127.0.0.1, which no other machine can reach.

    Raises:
        OSError: the port is taken.
    """
    return ThreadingHTTPServer(("127.0.0.1", port), partial(_Handler, contents))


class _Handler(BaseHTTPRequestHandler):
    def __init__(self, contents: Mapping[str, bytes], *arguments: object) -> None:
        self.contents = contents
        super().__init__(*arguments)

    def do_GET(self) -> None:  # noqa: N802
        content = self.contents.get(self.path.removeprefix("/"))
        if content is None:
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
