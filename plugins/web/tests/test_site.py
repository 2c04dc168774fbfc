import json
import re
from dataclasses import replace

import pytest
from msgspec import structs

from engine.channels import Inbound, TemporaryFailure
from engine.errors import ConfigurationError, EngineError, NotFound, UsageError
from engine.runtime.followups import Severed
from engine.store import StoreFailed
from engine_web import guards
from engine_web.app import STATIC
from engine_web.failures import status_of
from engine_web.intake import take_in
from engine_web.site import read_words
from tests.support.website import Website


def test_a_page_comes_in_the_language_that_the_browser_asks_for_and_the_reader_may_choose_another(shared_site: Website) -> None:
    asked = shared_site.client.get("/", headers={"accept-language": "fr;q=0.9, en-GB;q=0.8, zh;q=0.5"})
    assert asked.status_code == 200
    assert '<html lang="en">' in asked.text
    assert '<html lang="zh-CN">' in shared_site.client.get("/", headers={"accept-language": "zh-TW,en;q=0.2"}).text
    chosen = shared_site.client.post("/language", data={"language": "zh", "back": "/"})
    assert (chosen.status_code, chosen.headers["location"]) == (303, "/")
    assert '<html lang="zh-CN">' in shared_site.client.get("/", headers={"accept-language": "en"}).text


def test_choosing_a_language_leads_to_no_other_site(shared_site: Website) -> None:
    for back in ("https://evil.test/", "//evil.test", "/\\evil.test", ""):
        assert shared_site.client.post("/language", data={"language": "en", "back": back}).headers["location"] == "/"


def test_no_answer_may_be_framed_kept_or_run_scripts_of_its_own(shared_site: Website) -> None:
    for path in ("/", "/no/such/page", "/static/base.css"):
        headers = shared_site.client.get(path).headers
        assert headers["content-security-policy"].startswith("default-src 'self'; object-src 'none'")
        assert "unsafe" not in headers["content-security-policy"]
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "no-referrer"
        assert "server" not in headers
    assert shared_site.client.get("/").headers["cache-control"] == "no-store"


def test_what_is_not_there_is_said_in_words(shared_site: Website) -> None:
    answer = shared_site.client.get("/no/such/page", headers={"accept-language": "en"})
    assert answer.status_code == 404
    assert "There is no such page." in answer.text


def test_pages_hold_no_script_and_no_style_of_their_own() -> None:
    for path in (STATIC.parent / "templates").rglob("*.html"):
        text = path.read_text("utf-8")
        assert not re.search(r"<style|\sstyle=|\son\w+=|<script(?![^>]*\ssrc=)|\|\s*safe\b", text), path.name


def test_every_text_is_there_in_both_languages_under_one_key() -> None:
    seen: list[str] = []
    for path in (STATIC.parent / "words").glob("*.json"):
        pairs = json.loads(path.read_text("utf-8"), object_pairs_hook=list)
        seen += [key for key, _ in pairs]
        assert all(sorted(language for language, text in texts if text) == ["en", "zh"] for _, texts in pairs), path.name
    assert sorted(seen) == sorted(read_words())


def test_what_is_too_large_is_refused_whether_it_says_so_or_not(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guards, "LARGEST_BODY", 1000)
    form = {"content-type": "application/x-www-form-urlencoded"}
    for body in (b"x" * 1001, iter([b"language=en&", b"x" * 1000])):
        assert shared_site.browser().post("/language", content=body, headers=form).status_code == 413


@pytest.mark.parametrize("charset", ["punycode", '"unicode_escape"', "gbk", "utf-7", ""])
@pytest.mark.parametrize("path", ["/request", "/login", "/language", "/api/v1/tickets"])
def test_a_body_in_anything_but_utf_8_is_not_read(shared_site: Website, path: str, charset: str) -> None:
    form = b'--b\r\nContent-Disposition: form-data; name="back"\r\n\r\n\\ud800\r\n--b--\r\n'
    kind = {"content-type": f"multipart/form-data; boundary=b; charset={charset}"}
    assert shared_site.client.post(path, content=form, headers=kind).status_code == 415


def test_a_form_may_say_that_it_is_in_utf_8(shared_site: Website) -> None:
    for charset in ("utf-8", '"UTF-8"', "utf8"):
        kind = {"content-type": f"application/x-www-form-urlencoded; Charset={charset}"}
        answer = shared_site.client.post("/language", content=b"language=zh&back=/request", headers=kind)
        assert (answer.status_code, answer.headers["location"]) == (303, "/request")


def test_nothing_is_taken_in_while_too_much_waits(shared_site: Website) -> None:
    engine = replace(shared_site.engine, project=structs.replace(shared_site.engine.project, waiting_limit=0))
    with pytest.raises(TemporaryFailure, match="too much waits"):
        take_in(engine, "web", Inbound("form-2", "lan@customer.test", shared_site.clock.now(), text="软件异常"))


@pytest.mark.parametrize(
    ("error", "status"),
    [(NotFound("x"), 404), (Severed("x"), 409), (UsageError("x"), 422), (ConfigurationError("x"), 503), (StoreFailed("x"), 503)],
)
def test_an_error_means_the_same_on_pages_and_over_the_api_also_one_of_a_finer_kind(error: EngineError, status: int) -> None:
    assert status_of(error) == status


def test_a_form_that_is_sent_twice_leads_to_one_ticket(shared_site: Website) -> None:
    item = Inbound("form-1", "lan@customer.test", shared_site.clock.now(), text="软件异常,无法登录", fields={"kind": "complaint"})
    first = take_in(shared_site.engine, "web", item)
    assert first is not None
    assert take_in(shared_site.engine, "web", item) == first
