"""A small HTTP server on 127.0.0.1 that behaves as well or as badly as a test tells it to."""

import os
import re
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from unittest.mock import patch


@dataclass(frozen=True)
class Answer:
    """How one request is answered; the default is as a good server does.

    Attributes:
        status: sent instead of the file when it is neither 200 nor 206.
        body: sent instead of the file's bytes.
        ranges: whether a Range header is honoured.
        shift: added to the first byte that a Range header asks for.
        stop_after: the connection is closed after so many bytes of the body.
        announced: Content-Length, when it is not that of the body.
        chunked: no Content-Length at all.
        etag: validator of the file.
        stall: nothing is sent until the server is closed.
        endless: the body is sent again and again, until the other side has had enough.
        location: where to go instead, as a redirect.
    """

    status: int = 200
    body: bytes | None = None
    ranges: bool = True
    shift: int = 0
    stop_after: int | None = None
    announced: int | None = None
    chunked: bool = False
    etag: str = '"1"'
    stall: bool = False
    endless: bool = False
    location: str = ""


@dataclass
class Server:
    """What is served and what was asked for.

    Attributes:
        url: address without a slash at its end.
        files: path -> bytes.
        script: answers to the first requests; all later ones get a good answer.
        requests: (path, Range header or None) in the order of arrival.
    """

    url: str
    files: Mapping[str, bytes]
    script: list[Answer] = field(default_factory=list)
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)


@contextmanager
def serve(
    files: Mapping[str, bytes], *script: Answer, certificate: Path | None = None
) -> Iterator[Server]:
    """Serve ``files`` (path with its slash -> bytes) while the block runs.

    Args:
        files: what is served.
        *script: answers to the first requests.
        certificate: with its key, in one file, to serve https with.
    """
    http = _Http(("127.0.0.1", 0), _Handler)
    http.daemon_threads = True
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        http.socket = context.wrap_socket(http.socket, server_side=True)
    scheme = "http" if certificate is None else "https"
    server = Server(f"{scheme}://127.0.0.1:{http.server_port}", files, list(script))
    http.scene = server
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with patch.dict(os.environ, {"NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}):
            yield server
    finally:
        server.closing.set()
        http.shutdown()
        http.server_close()
        thread.join()


def nobody() -> str:
    """Return an address at which nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}"


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing of a client that hangs up: bad servers are left, as they should be."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:  # noqa: N802
        scene: Server = self.server.scene
        scene.requests.append((self.path, self.headers.get("Range")))
        answer = scene.script.pop(0) if scene.script else Answer()
        self.close_connection = True
        if answer.stall:
            scene.closing.wait()
            return
        if answer.location:
            self.send_response(302)
            self.send_header("Location", answer.location)
            self.send_header("Content-Length", "0")
            # Else the client would follow on a connection that is closed by then.
            self.send_header("Connection", "close")
            self.end_headers()
            return
        content = answer.body if answer.body is not None else scene.files.get(self.path)
        if content is None or answer.status not in (200, 206):
            self.send_error(404 if answer.status == 200 else answer.status)
            return
        self._send(content, answer)

    def _send(self, content: bytes, answer: Answer) -> None:
        start = self._first_byte(answer)
        if start > len(content):
            self.send_error(416)
            return
        body = content[start:]
        self.send_response(206 if start else 200)
        self.send_header("ETag", answer.etag)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
        if answer.chunked:
            self.send_header("Transfer-Encoding", "chunked")
            body = b"%x\r\n%s\r\n" % (len(body), body) + b"0\r\n\r\n"
        else:
            announced = len(body) if answer.announced is None else answer.announced
            self.send_header("Content-Length", str(announced))
        self.end_headers()
        while answer.endless and not self.server.scene.closing.is_set():
            self.wfile.write(b"%x\r\n%s\r\n" % (len(content), content))
        self.wfile.write(body if answer.stop_after is None else body[: answer.stop_after])

    def _first_byte(self, answer: Answer) -> int:
        match = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
        same = self.headers.get("If-Range", answer.etag) == answer.etag
        return int(match[1]) + answer.shift if match and answer.ranges and same else 0

    def log_message(self, format: str, *args: object) -> None:
        pass
