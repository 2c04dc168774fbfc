"""Signs of life: to systemd over a real socket, and over HTTP."""

import http.client
import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from engine.errors import ConfigurationError
from engine.runtime.endpoint import serve
from engine.runtime.health import Health, to_service_manager
from tests.support.ports import LOOPBACK, free_port

LONG_AGO = 1000.0


@dataclass
class Loop:
    name: str
    turned_at: float


@pytest.fixture(params=["path", "abstract"])
def manager(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[socket.socket]:
    """systemd's end of the line."""
    named = str(tmp_path / "notify") if request.param == "path" else f"@closedloop-{time.monotonic_ns()}"
    monkeypatch.setenv("NOTIFY_SOCKET", named)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(named.replace("@", "\0"))
        line.settimeout(5)
        yield line


def heard(manager: socket.socket, count: int) -> list[str]:
    return [manager.recv(4096).decode() for _ in range(count)]


def test_systemd_hears_when_it_is_ready_lives_and_stops(manager: socket.socket) -> None:
    health = Health(lambda: [Loop("decide", time.monotonic())], 60.0, to_service_manager())
    health.started("abc")
    health.beat()
    health.stopping()
    assert heard(manager, 3) == ["READY=1\nSTATUS=working by policy abc", "WATCHDOG=1", "STOPPING=1\nSTATUS=finishing what it is at"]


def test_the_signs_of_life_stop_while_a_loop_stands_still_and_come_back_when_it_moves(manager: socket.socket) -> None:
    loops = [Loop("decide", time.monotonic()), Loop("receive sms", time.monotonic() - LONG_AGO)]
    health = Health(lambda: loops, 60.0, to_service_manager())
    health.beat()
    health.beat()
    assert list(health.stalled()) == ["receive sms"]
    assert health.stalled()["receive sms"] >= LONG_AGO
    loops[1].turned_at = time.monotonic()
    health.beat()
    assert heard(manager, 3) == ["STATUS=standing still: receive sms", "STATUS=working", "WATCHDOG=1"]


def test_a_main_thread_that_stands_still_is_seen_by_who_asks(monkeypatch: pytest.MonkeyPatch) -> None:
    health = Health(list, 60.0, to_service_manager())
    assert health.stalled() == {}
    later = time.monotonic() + LONG_AGO
    monkeypatch.setattr("engine.runtime.health.time.monotonic", lambda: later)
    assert list(health.stalled()) == ["watch"]


def test_without_a_service_manager_or_with_one_that_is_gone_nothing_happens(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    to_service_manager()("READY=1")
    monkeypatch.setenv("NOTIFY_SOCKET", str(tmp_path / "nobody"))
    to_service_manager()("READY=1")


def test_an_address_that_cannot_be_had_is_said_with_its_key() -> None:
    with socket.socket() as taken:
        taken.bind((LOOPBACK, 0))
        taken.listen()
        where = f"{LOOPBACK}:{taken.getsockname()[1]}"
        with pytest.raises(ConfigurationError, match=rf"operations\.listen: {where} cannot be listened on \(Address already in use\)"):
            serve(where, lambda environ, start: [])
    with pytest.raises(ConfigurationError, match="there is no such port"):
        serve(f"{LOOPBACK}:99999", lambda environ, start: [])


def test_it_listens_on_ipv6_too() -> None:
    server = serve(f"[::1]:{free_port()}", lambda environ, start: (start("200 OK", []), [b"yes"])[1])
    try:
        connection = http.client.HTTPConnection("::1", server.server_port, timeout=10)
        connection.request("GET", "/")
        assert connection.getresponse().read() == b"yes"
        connection.close()
    finally:
        server.shutdown()
        server.server_close()
