"""Receivers of webhooks, in threads: a polite HTTP server, and one that does on the bare socket what no polite server does."""

import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Self

HOST = "127.0.0.1"
PATIENCE = 60.0


@dataclass(frozen=True)
class Posted:
    """One request as it came."""

    path: str
    headers: Mapping[str, str]
    body: bytes


class Receiver:
    """Keeps what is posted, and answers with `status`, `headers` and `body`, which may be changed at any time.

    `certificate` (with the key in `.key` beside it) makes it speak TLS.
    """

    def __init__(self, certificate: Path | None = None) -> None:
        self.status = 200
        self.headers: dict[str, str] = {}
        self.body = b"ok"
        self.posted: list[Posted] = []
        self.connections = 0
        self._server = ThreadingHTTPServer((HOST, 0), self._handler())
        self._server.daemon_threads = True
        if certificate is not None:
            speaking = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            speaking.load_cert_chain(certificate, certificate.with_suffix(".key"))
            # The handshake belongs in the thread of its connection, or a client that refuses us would end the server's turn.
            self._server.socket = speaking.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02})

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    def url(self, path: str = "/hook", scheme: str = "http") -> str:
        return f"{scheme}://{HOST}:{self.port}{path}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(PATIENCE)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            timeout = PATIENCE

            def setup(self) -> None:
                receiver.connections += 1
                super().setup()

            def handle(self) -> None:
                try:
                    super().handle()
                except (ssl.SSLError, ConnectionError):
                    self.close_connection = True  # a client that hangs up is none of a server's faults

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.posted.append(Posted(self.path, dict(self.headers.items()), body))
                self.send_response(receiver.status)
                for name, value in receiver.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing on standard error."""

        return Handler


@dataclass
class Rude:
    """Takes connections one by one and lets `behave` do with each what no polite server does; `released` tells it to end."""

    behave: Callable[["Rude", socket.socket], None]
    released: threading.Event = field(default_factory=threading.Event)

    def __enter__(self) -> Self:
        self._listening = socket.create_server((HOST, 0))
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.released.set()
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(PATIENCE)

    @property
    def port(self) -> int:
        return int(self._listening.getsockname()[1])

    def url(self) -> str:
        return f"http://{HOST}:{self.port}/hook"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:  # closed: the test is over
                return
            with connection:
                try:
                    self.behave(self, connection)
                except OSError:
                    continue  # the client gave up first, which is what the tests want of it
