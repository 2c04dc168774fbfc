"""The service `web`, as the engine finds it."""

from collections.abc import Mapping
from typing import Any

from engine.services import Engine, Serve, ServiceType, hookimpl
from engine_web.serving import serving
from engine_web.settings import SETTINGS_SCHEMA, Settings


def _build(settings: Mapping[str, Any], engine: Engine) -> Serve:
    return serving(Settings.parse(settings), engine)


@hookimpl
def engine_services() -> list[ServiceType]:
    """Offer the service `web`."""
    return [ServiceType("web", SETTINGS_SCHEMA, _build)]
