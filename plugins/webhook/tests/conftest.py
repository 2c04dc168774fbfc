"""What the tests of the webhook channel share: a receiver, and the channel on endpoints made to measure."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import engine_webhook
from engine.channels import Channel
from engine.testing import SettableClock, context
from tests.real.webhook_receivers import Receiver

SECRET = "whsec_" + "MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


@pytest.fixture
def secret() -> str:
    return SECRET


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as receiver:
        yield receiver


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
def channel(tmp_path, clock) -> Iterator[Callable[..., Channel]]:
    """Builds and opens the channel on one endpoint, `crm`, at a URL."""
    opened = []

    def build(url: str, **more: Any) -> Channel:
        settings = {"endpoints": {"crm": {"url": url, "secret": SECRET, **more}}}
        opened.append(engine_webhook.build(settings, context(tmp_path, clock, name="webhook")))
        opened[-1].open()
        return opened[-1]

    yield build
    for one in opened:
        one.close()
