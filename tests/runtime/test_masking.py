"""Nothing in a line of the log is a secret or says who a customer is."""

import base64
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from engine.errors import ConfigurationError
from engine.runtime import log, masking
from engine.runtime.project import resolve_secrets


@pytest.fixture(autouse=True)
def _other_secrets(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(masking, "_secrets", set())
    masking._known.cache_clear()
    yield
    masking._known.cache_clear()


@pytest.fixture
def lines(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch):
    """Configure the log in the test itself (not while it is set up), and read what was said."""
    monkeypatch.delenv("ENGINE_DEBUG", raising=False)
    yield lambda: [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    logging.getLogger().handlers.clear()
    log.LOGGER.setLevel(logging.NOTSET)


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("550 <sun@customer.test> mailbox full", "550 <‹email›> mailbox full"),
        ("no route to +86 138-0013-8000", "no route to ‹phone›"),
        ("13800138000 是空号", "‹phone› 是空号"),
        ("(021) 5555 1234 rang", "‹phone› rang"),
        ("number:13800138000", "number:‹phone›"),
        ("ticket 202603040001, message 202603040001.0.6", "ticket 202603040001, message 202603040001.0.6"),
        ("since 2026-03-04T09:00:00.123", "since 2026-03-04T09:00:00.123"),
        ("sla.yaml:120:33 of 127.0.0.1:9464", "sla.yaml:120:33 of 127.0.0.1:9464"),
        ("+202603040001", "‹phone›"),
        ("e3b0c44298fc1c14 in 1234567890ab", "e3b0c44298fc1c14 in 1234567890ab"),
    ],
)
def test_addresses_are_masked_and_numbers_of_our_own_are_not(said: str, shown: str) -> None:
    assert masking.without_people(said) == shown


def test_a_fact_that_names_a_person_is_masked_whatever_it_says(lines) -> None:
    log.configure()
    log.say("alarm", logging.ERROR, sender_name="孙女士", text="系统宕机", reason={"subject": "x", "ticket": "202603040001"})
    [line] = lines()
    assert (line["sender_name"], line["text"]) == ("‹personal›", "‹personal›")
    assert line["reason"] == {"subject": "‹personal›", "ticket": "202603040001"}


def test_a_digest_or_a_worker_of_digits_alone_stays_one(lines) -> None:
    log.configure()
    ids: dict[str, Any] = {"policy": "123456789012", "before": "210987654321", "worker": "551203469437"}
    log.say("policies reloaded", **ids)
    [line] = lines()
    assert {name: line[name] for name in ids} == ids


@pytest.mark.parametrize("secret", ["hunter2-!", 'with "quotes" and\\', "p@ss/wörd:#", "one line\nand another"])
def test_a_secret_is_masked_in_each_form_it_turns_up_in(secret: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, lines) -> None:
    log.configure()
    monkeypatch.setenv("CANARY", secret)
    assert resolve_secrets({"a": ["${env:CANARY}"]}, tmp_path) == {"a": [secret]}
    for form in (secret, repr(secret), json.dumps(secret), f"https://x/?key={quote(secret, safe='')}"):
        log.say("alarm", reason=f"refused: {form}")
    told = lines()
    assert all("‹secret›" in line["reason"] for line in told)
    assert not [line for line in told if any(part in line["reason"] for part in secret.splitlines())]


def test_the_password_of_a_url_is_a_secret_by_itself() -> None:
    masking.remember("postgresql://desk:gu%40rd1an@db.example.com/desk")
    assert masking.without_secrets("password gu@rd1an, as gu%40rd1an") == "password ‹secret›, as ‹secret›"


@pytest.mark.parametrize("before", ["", "a", "ab", "\0user\0"])
@pytest.mark.parametrize("after", ["", ":", "::"])
def test_a_secret_in_credentials_that_are_only_encoded_is_a_secret_still(before: str, after: str) -> None:
    masking.remember("hunter2-and-more")
    shown = masking.without_secrets(f"535 {base64.b64encode(f'{before}hunter2-and-more{after}'.encode()).decode()}")
    assert "‹secret›" in shown
    assert len(shown) < len("535 ‹secret›") + 20


@pytest.mark.parametrize("secret", ['hunter2-and-more"', "hunter2-and-more\\", "'hunter2-and-more & "])
def test_a_secret_is_one_still_where_the_marks_at_its_ends_are_written_otherwise(secret: str) -> None:
    masking.remember(secret)
    assert "hunter2" not in masking.without_secrets(r"NO refused LOGIN 'hunter2-and-more\'\'")


def test_what_is_left_of_a_short_secret_without_its_marks_is_no_secret() -> None:
    masking.remember("#2026!")
    assert masking.without_secrets("2026-11-28 with #2026!") == "2026-11-28 with ‹secret›"


def test_what_is_too_short_for_a_secret_does_not_blot_out_the_log() -> None:
    masking.remember("abc")
    assert masking.without_secrets("abc") == "abc"


def test_a_secret_file_that_is_no_text_is_an_error_that_does_not_quote_it(tmp_path: Path) -> None:
    (tmp_path / "key").write_bytes(b"\xff\xfesecret")
    with pytest.raises(ConfigurationError, match=r"^the secret file key that engine\.yaml asks for cannot be read: it is no UTF-8 text$"):
        resolve_secrets("${file:key}", tmp_path)


def fail(customer: str) -> None:
    try:
        raise ValueError(f"{customer} says no")
    except ValueError:
        raise OSError(28, "No space left on device")  # noqa: B904  # the context is what is tested


def test_a_fault_is_told_without_the_words_of_those_who_may_quote_a_customer(lines) -> None:
    log.configure()
    try:
        fail("".join(["孙", "女士"]))
    except OSError:
        log.LOGGER.exception("fault", extra={"facts": {"loop": "decide"}})
    [line] = lines()
    assert "孙女士" not in line["fault"]
    assert line["fault"].splitlines()[-1] == "OSError: [Errno 28] No space left on device"
    assert "\nValueError\n" in line["fault"]
    assert "in fail" in line["fault"]


def test_debugging_shows_the_words_of_faults_and_still_no_secret(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("ENGINE_DEBUG", "1")
    masking.remember("hunter2")
    log.configure()
    try:
        raise ValueError("the words, hunter2")
    except ValueError:
        log.LOGGER.exception("fault")
    logging.getLogger("another.library").debug("hello")
    logging.getLogger().handlers.clear()
    log.LOGGER.setLevel(logging.NOTSET)
    fault, library = map(json.loads, capsys.readouterr().err.splitlines())
    assert fault["fault"].endswith("ValueError: the words, ‹secret›")
    assert (library["logger"], library["message"], library["level"]) == ("another.library", "hello", "debug")


def test_what_libraries_warn_of_goes_the_same_way(lines) -> None:
    log.configure()
    logging.getLogger("smpplib").warning("refused by %s", "13800138000")
    logging.getLogger("smpplib").info("not shown")
    [line] = lines()
    assert (line["logger"], line["level"], line["message"]) == ("smpplib", "warning", "refused by ‹phone›")


def test_a_person_at_a_terminal_reads_lines_not_json(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.delenv("ENGINE_DEBUG", raising=False)
    log.configure()
    log.say("alarm", logging.ERROR, reason="sun@customer.test")
    logging.getLogger().handlers.clear()
    log.LOGGER.setLevel(logging.NOTSET)
    told = capsys.readouterr().err
    assert "alarm" in told
    assert "‹email›" in told
    assert not told.startswith("{")
