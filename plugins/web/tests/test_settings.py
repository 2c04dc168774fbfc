import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from engine.cli.init import lay_out
from engine.cli.validate import _project
from engine.errors import ConfigurationError
from engine_web.serving import serving
from engine_web.settings import Settings
from tests.support.website import Website


def test_what_is_not_set_is_loopback_and_no_more() -> None:
    assert Settings.parse({}) == Settings()
    assert Settings().listen == "127.0.0.1:8080"
    assert not Settings().secure
    assert not Settings(public="http://127.0.0.1:8080").secure


def test_settings_are_read_as_they_are_written() -> None:
    read = Settings.parse(
        {"public": "https://service.example.com", "proxies": ["10.0.0.1"], "session": "30m", "requests": 5, "strangers": 6}
    )
    assert read.secure
    assert (read.proxies, read.session, read.requests, read.strangers) == (("10.0.0.1",), timedelta(minutes=30), 5, 6)


def test_a_web_without_its_channels_says_which_are_missing(shared_site: Website) -> None:
    engine = replace(shared_site.engine, channels={"web": shared_site.engine.channels["web"]})
    with pytest.raises(ConfigurationError, match=r"add `web_phone: \{\}` to `channels`"):
        serving(Settings(), engine)


def test_an_address_that_somebody_else_has_is_named(shared_site: Website) -> None:
    listen = shared_site.url.removeprefix("http://")
    with pytest.raises(ConfigurationError, match=f"{listen} cannot be listened on"):
        serving(Settings(listen=listen), shared_site.engine)(threading.Event())


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ("{listen: 8080}", "service web: listen: must be text"),
        ("{public: 'https://service.example.com/path'}", "service web: public: must match the pattern"),
        ("{strangers: 0}", "service web: strangers: must be at least 1"),
        ("{port: 1}", "service web: port: is not a setting here"),
    ],
)
def test_engine_validate_says_where_the_settings_are_wrong(tmp_path: Path, settings: str, said: str) -> None:
    lay_out(tmp_path)
    with open(tmp_path / "engine.yaml", "a", encoding="utf-8") as file:
        file.write(f"\nservices:\n  web: {settings}\n")
    lines = (tmp_path / "engine.yaml").read_text("utf-8").splitlines()
    [found] = [one for one in _project(tmp_path, None)[0] if one.severity == "error"]
    assert said in found.message
    assert lines[found.line - 1].startswith("  web:")
