"""One HTTP request over a connection of its own: verified, without redirections, retries or proxies, and at an end in time."""

import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPException

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

from engine.channels import TemporaryFailure
from engine_webhook.settings import Endpoint

_BODY_LIMIT = 65_536


@dataclass(frozen=True, slots=True)
class Answer:
    """What an endpoint answered; its text is not kept, because it may repeat a secret. `retry_after` is the header as it came."""

    status: int
    retry_after: str = ""


class Exchange:
    """One connection to an endpoint. `abort` ends it at once, from any thread; its time ends it by itself."""

    def __init__(self, endpoint: Endpoint) -> None:
        """Connect to nothing yet."""
        self._endpoint = endpoint
        self._socket: socket.socket | None = None
        self._aborted = threading.Event()
        self._late = threading.Event()

    def reach(self) -> str:
        """Connect, verify the certificate and hang up without a word; return how the connection was protected. Raises TemporaryFailure."""
        with self._connected() as connection:
            version = connection.sock.version() if isinstance(connection.sock, ssl.SSLSocket) else None
            return version or "not encrypted"

    def post(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Post `body`; return what the endpoint answered. Raises TemporaryFailure where it did not."""
        with self._connected() as connection:
            connection.request("POST", self._endpoint.target, body, headers, preload_content=False)
            response = connection.getresponse()
            self._check()
            # The status decides. The rest is taken in, within bounds, only because hanging up on a server is rude.
            with suppress(HTTPError, HTTPException, OSError):
                response.read(_BODY_LIMIT, decode_content=False)
            response.close()
            return Answer(response.status, response.headers.get("retry-after", ""))

    def abort(self) -> None:
        """End the exchange: whoever waits in `post` gets a TemporaryFailure now."""
        self._aborted.set()
        if self._socket is not None:
            with suppress(OSError):  # it may just have ended
                # Of the plain socket: TLS would first say goodbye, which can wait for the other side.
                socket.socket.shutdown(self._socket, socket.SHUT_RDWR)

    @contextmanager
    def _connected(self) -> Iterator[HTTPConnection]:
        endpoint, started = self._endpoint, time.monotonic()
        connection = self._connection()
        watch: threading.Timer | None = None
        try:
            connection.connect()
            self._socket = connection.sock
            # A socket's own timeout begins anew with every byte, so that a server that drips could hold us for ever.
            watch = threading.Timer(max(endpoint.timeout - (time.monotonic() - started), 0), self._expire)
            watch.start()
            self._check()
            yield connection
        except (HTTPError, HTTPException, OSError) as problem:
            self._check()
            raise self._explained(problem) from problem
        finally:
            if watch is not None:
                watch.cancel()
                watch.join()
            connection.close()

    def _connection(self) -> HTTPConnection:
        endpoint = self._endpoint
        if not endpoint.tls:
            return HTTPConnection(endpoint.host, endpoint.port, timeout=endpoint.timeout)
        try:
            verifying = ssl.create_default_context(cafile=endpoint.ca_file)
        except OSError as problem:
            raise TemporaryFailure(f"{endpoint}: ca_file {endpoint.ca_file} cannot be read: {problem}") from problem
        return HTTPSConnection(endpoint.host, endpoint.port, timeout=endpoint.timeout, ssl_context=verifying)

    def _expire(self) -> None:
        self._late.set()
        self.abort()

    def _check(self) -> None:
        """Raise TemporaryFailure if we ended the exchange ourselves: what came of it then says nothing."""
        if self._late.is_set():
            raise TemporaryFailure(f"{self._endpoint} did not answer within {self._endpoint.timeout:g} s")
        if self._aborted.is_set():
            raise TemporaryFailure(f"{self._endpoint}: the channel was closed before it answered")

    def _explained(self, problem: Exception) -> TemporaryFailure:
        cause = problem.__cause__ or problem  # urllib3's own words name its objects
        if isinstance(cause, ssl.SSLCertVerificationError):
            return TemporaryFailure(f"{self._endpoint}: certificate not to be trusted: {cause.verify_message}; check url and ca_file")
        if isinstance(cause, TimeoutError):
            return TemporaryFailure(f"{self._endpoint} did not answer within {self._endpoint.timeout:g} s")
        # Never what a server said in place of HTTP: it may repeat what we sent.
        why = cause.strerror if isinstance(cause, OSError) and cause.strerror else type(cause).__name__
        return TemporaryFailure(f"{self._endpoint} is away: {why}")
