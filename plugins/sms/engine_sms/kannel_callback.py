"""The small HTTP server that Kannel calls: /SECRET/inbound for messages, /SECRET/receipt for delivery reports."""

import hmac
import logging
import threading
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlsplit

from engine.errors import ConfigurationError
from engine_sms.settings import KannelSettings

MOST_AT_ONCE = 50  # calls; a gateway that sends more is told to come again
MOST_FIELDS = 40
SOCKET_SECONDS = 1.0  # of silence within one call, so that a stalled caller does not hold up `close`
log = logging.getLogger(__name__)

# Called with the path below the secret and the query; returns the answer's status.
Handle = Callable[[str, str], HTTPStatus]


class CallbackServer:
    """Listens from construction until `close`; each call is handled in a thread of its own."""

    def __init__(self, settings: KannelSettings, handle: Handle) -> None:
        """Listen. Raises ConfigurationError when the address cannot be had."""
        slots = threading.BoundedSemaphore(MOST_AT_ONCE)
        secret = settings.secret.encode()

        class Handler(_Handler):
            def answer(self) -> HTTPStatus:
                url = urlsplit(self.path)
                given, _, what = url.path.removeprefix("/").partition("/")
                if not hmac.compare_digest(given.encode("latin-1", "replace"), secret):
                    return HTTPStatus.NOT_FOUND
                if not slots.acquire(blocking=False):
                    return HTTPStatus.SERVICE_UNAVAILABLE
                try:
                    return handle(what, url.query)
                finally:
                    slots.release()

        try:
            self._server = _Server((settings.listen_host, settings.listen_port), Handler)
        except OSError as error:
            where = f"{settings.listen_host}:{settings.listen_port}"
            raise ConfigurationError(f"cannot listen on {where} for Kannel ({error.strerror}): is another `engine run` there?") from error
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.1,), name="sms-kannel-callbacks", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening and wait for the calls that are under way."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = False  # so that closing waits for the calls under way
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        log.exception("a call from Kannel ended badly")  # noqa: LOG004  # the server calls this while it handles the exception


class _Handler(BaseHTTPRequestHandler):
    timeout = SOCKET_SECONDS

    def answer(self) -> HTTPStatus:
        raise NotImplementedError

    def do_GET(self) -> None:
        try:
            status = self.answer()
        except ValueError:
            status = HTTPStatus.BAD_REQUEST
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # the name the base class gives it
        """Write nothing: the request line holds the secret, numbers and texts."""


def fields_of(query: str) -> dict[str, bytes]:
    """Return the fields of a query as the octets they stand for. Raises ValueError for a flood of fields."""
    pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=MOST_FIELDS)
    return {name: value.encode("latin-1", "replace") for name, value in pairs}
