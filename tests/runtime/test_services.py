"""Services: plugins that the daemon starts beside its loops, each of which takes only itself out."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from msgspec import structs

from engine import services
from engine.cli.init import lay_out
from engine.errors import ConfigurationError
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.runtime.worker import PARTS, Worker
from tests.core.worlds import WEDNESDAY
from tests.support.distributions import Install, installer
from tests.support.waiting import wait_until

PLUGIN = """
    from engine.services import ServiceType, hookimpl

    SCHEMA = {{"type": "object", "additionalProperties": False, "properties": {{"port": {{"type": "integer"}}}}}}

    def build(settings, engine):
        if settings.get("port") == 13:
            raise ValueError("thirteen")

        def serve(stop):
            note = engine.project.var / "bells"
            note.write_text(f"serves at {{settings['port']}}")
            if stop.wait(30):
                note.write_text(f"served at {{settings['port']}}")

        return serve

    @hookimpl
    def engine_services():
        return [{offered}]
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    return installer(tmp_path, monkeypatch, "engine.services")


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lay_out(tmp_path / "project")
    opened = open_engine(load_project(tmp_path / "project"), VirtualClock(WEDNESDAY), reload=True)
    yield opened
    opened.close()


def configured(engine: Engine, **settings: dict) -> Engine:
    engine.project = structs.replace(engine.project, services=settings)
    return engine


def test_a_service_serves_its_engine_with_its_settings_until_the_daemon_tells_it_to_stop(install: Install, engine: Engine) -> None:
    install("bells", PLUGIN.format(offered='ServiceType("bells", SCHEMA, build)'), "service")
    worker = Worker(engine, {}, PARTS, services.build(configured(engine, bells={"port": 7})))
    note, thread = engine.project.var / "bells", threading.Thread(target=worker.run)
    thread.start()
    wait_until(lambda: note.exists() and note.read_text() == "serves at 7", "the service to serve")
    worker.end()
    thread.join(10)
    assert not thread.is_alive()
    assert note.read_text() == "served at 7"


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"bells": {"port": "x"}}, "service 'bells': port: must be a whole number"),
        ({"bells": {"prot": 1}}, "did you mean 'port'"),
        ({"bells": {"port": 13}}, "its plugin could not build it: ValueError: thirteen"),
        ({"bell": {}}, "there is no service 'bell'"),
    ],
)
def test_a_service_that_is_configured_wrongly_says_how_to_mend_it(install: Install, engine: Engine, settings: dict, said: str) -> None:
    install("bells", PLUGIN.format(offered='ServiceType("bells", SCHEMA, build)'), "service")
    with pytest.raises(ConfigurationError, match=said):
        services.build(configured(engine, **settings))


@pytest.mark.parametrize(
    ("offered", "why"),
    [
        ("build", "is no ServiceType"),
        ('ServiceType("Bells", SCHEMA, build)', "is no ServiceType with a name of lower-case letters"),
        ('ServiceType("bells", {"type": "object"}, build)', "additionalProperties: false"),
    ],
)
def test_a_plugin_that_offers_something_unsound_is_named(install: Install, offered: str, why: str) -> None:
    install("bells", PLUGIN.format(offered=offered), "service")
    with pytest.raises(ConfigurationError, match=f"bells 1.2.*{why}"):
        services.named("bells")


def test_one_service_that_fails_takes_only_itself_out_and_is_started_again(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    turns, twice, well = list[str](), threading.Event(), threading.Event()

    def broken(stop: threading.Event) -> None:
        turns.append("broken")
        if len(turns) > 1:
            twice.set()
        raise OSError("no")

    def sound(stop: threading.Event) -> None:
        well.set()
        stop.wait(30)

    worker = Worker(engine, {}, PARTS, {"broken": broken, "sound": sound})
    thread = threading.Thread(target=worker.run)
    thread.start()
    assert well.wait(10)
    assert twice.wait(10)
    assert not worker.health.stalled()
    worker.end()
    thread.join(10)
    assert not thread.is_alive()
    assert "serve broken" in str([getattr(record, "facts", "") for record in caplog.records if record.getMessage() == "fault"])


def test_settings_of_a_service_stand_in_engine_yaml_and_can_be_switched_off(tmp_path: Path) -> None:
    (tmp_path / "engine.yaml").write_text("version: 1\nservices: {web: {listen: '127.0.0.1:1'}, other: {enabled: false}}\n", "utf-8")
    assert load_project(tmp_path).services == {"web": {"listen": "127.0.0.1:1"}}
