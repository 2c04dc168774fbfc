"""What operators ask over HTTP: /healthz (alive), /readyz (able to work), /metrics (Prometheus). It answers GET alone."""

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from socketserver import TCPServer, ThreadingMixIn
from typing import TYPE_CHECKING, Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer

from engine.errors import ConfigurationError, EngineError
from engine.runtime.engine import Engine
from engine.runtime.health import Health
from engine.runtime.observers import Observer, observe
from engine.runtime.traces import open_traces

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

_PATIENCE = 10.0
"""Seconds a client may be silent."""


@contextmanager
def operated(engine: Engine, health: Health) -> Iterator[None]:
    """Answer and trace, as `operations` of engine.yaml says, until the block ends. Raises ConfigurationError."""
    project, observers = engine.project, list[Observer]()
    traces = open_traces(project.traces, engine.clock) if project.traces else None
    observers += [traces] if traces else []
    server = None
    try:
        if project.listen:
            from prometheus_client import make_wsgi_app  # 60 ms

            from engine.runtime.metrics import Metrics

            metrics = Metrics(engine, health)
            observers.append(metrics)
            server = serve(project.listen, answering(engine, health, make_wsgi_app(metrics.registry)))
        if observers:
            observe(engine, observers)
        yield
    finally:
        if server:
            server.shutdown()
            server.server_close()
        if traces:
            traces.close()


def answering(
    engine: Engine, health: Health, metrics: Callable[..., Iterable[bytes]]
) -> Callable[["WSGIEnvironment", "StartResponse"], Iterable[bytes]]:
    """Return the WSGI application."""
    checks = {"/healthz": lambda: _alive(health), "/readyz": lambda: _ready(engine, health)}

    def answer(environ: "WSGIEnvironment", start: "StartResponse") -> Iterable[bytes]:
        path = environ.get("PATH_INFO", "")
        if environ["REQUEST_METHOD"] not in ("GET", "HEAD"):
            return _say(start, HTTPStatus.METHOD_NOT_ALLOWED, {"error": "only GET is answered here"}, ("Allow", "GET, HEAD"))
        if path == "/metrics":
            return metrics(environ, start)
        if path not in checks:
            return _say(start, HTTPStatus.NOT_FOUND, {"error": "there are /healthz, /readyz and /metrics"})
        good, facts = checks[path]()
        return _say(start, HTTPStatus.OK if good else HTTPStatus.SERVICE_UNAVAILABLE, facts)

    return answer


def _alive(health: Health) -> tuple[bool, Mapping[str, Any]]:
    stalled = health.stalled()
    return not stalled, {"alive": not stalled, "stalled": stalled}


def _ready(engine: Engine, health: Health) -> tuple[bool, Mapping[str, Any]]:
    """It has recovered what was left over, does not stop yet, and the database answers with the policy in force."""
    try:
        with engine.store.read() as reader:
            policy = reader.active_policy()
    except EngineError:  # its words may name hosts; the log has them
        return False, {"ready": False, "reason": "the database does not answer"}
    ready = health.ready and policy is not None
    return ready, {"ready": ready, "policy": (policy or "")[:12]} | ({} if ready else {"reason": "it starts or stops just now"})


def _say(start: "StartResponse", status: HTTPStatus, facts: Mapping[str, Any], *headers: tuple[str, str]) -> list[bytes]:
    body = json.dumps(facts).encode() + b"\n"
    fixed = [("Content-Type", "application/json"), ("Content-Length", str(len(body))), ("Cache-Control", "no-store")]
    start(f"{status.value} {status.phrase}", [*fixed, *headers])
    return [body]


class _Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True

    def server_bind(self) -> None:
        """Bind without asking the name service what this machine is called."""
        TCPServer.server_bind(self)
        self.server_name, self.server_port = str(self.server_address[0]), int(self.server_address[1])
        self.setup_environ()


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(WSGIRequestHandler):
    timeout = _PATIENCE

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads which scrape came when."""


def serve(listen: str, application: Callable[..., Iterable[bytes]]) -> WSGIServer:
    """Answer on `host:port` in a thread of its own. Raises ConfigurationError where the address cannot be had."""
    host, _, port = listen.rpartition(":")
    kind = _Server6 if host.startswith("[") else _Server
    try:
        server = kind((host.strip("[]"), int(port)), _Handler)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise ConfigurationError(f"operations.listen: {listen} cannot be listened on ({why}); choose another address or port.") from None
    server.set_app(application)
    threading.Thread(target=server.serve_forever, name="operations", daemon=True).start()
    return server
