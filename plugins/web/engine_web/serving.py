"""The server around the application: it listens, serves until the daemon stops, and lets go in time."""

import socket
import threading

import uvicorn

from engine.errors import ConfigurationError
from engine.services import Engine, Serve, log
from engine_web.app import application
from engine_web.settings import Settings

_GRACE = 3
"""Seconds that requests have to end when the daemon stops; streams of events end then."""


class _Server(uvicorn.Server):
    def __init__(self, config: uvicorn.Config, stop: threading.Event) -> None:
        super().__init__(config)
        self._stop = stop

    async def on_tick(self, counter: int) -> bool:
        return self._stop.is_set() or await super().on_tick(counter)


def serving(settings: Settings, engine: Engine) -> Serve:
    """Return what serves the engine's web until its event is set."""
    missing = [name for name in ("web", "web_phone") if name not in engine.channels]
    if missing:
        raise ConfigurationError(f"forms need their channels: add {' and '.join(f'`{name}: {{}}`' for name in missing)} to `channels`")
    asgi = application(settings, engine)
    config = uvicorn.Config(
        asgi,
        http="h11",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=True,
        forwarded_allow_ips=list(settings.proxies),
        timeout_graceful_shutdown=_GRACE,
        h11_max_incomplete_event_size=65_536,
    )

    def serve(stop: threading.Event) -> None:
        with _listening(settings.listen) as line:
            log.say("serves the web", listen=settings.listen)
            _Server(config, stop).run(sockets=[line])

    return serve


def _listening(listen: str) -> socket.socket:
    host, _, port = listen.rpartition(":")
    family = socket.AF_INET6 if host.startswith("[") else socket.AF_INET
    try:
        return socket.create_server((host.strip("[]"), int(port)), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        why = error.strerror if isinstance(error, OSError) else "there is no such port"
        raise ConfigurationError(f"services.web.listen: {listen} cannot be listened on ({why}); choose another address or port") from None
