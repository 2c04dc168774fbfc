"""`engine doctor` finds what is wrong, says how to mend it, and its exit code says how bad it is."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections import namedtuple
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from engine.cli import doctor
from engine.cli.doctor import ERROR, GOOD, WARNING, Finding
from engine.policy.said import translated
from tests.cli.conftest import Command
from tests.support.ports import LOOPBACK, free_port

PATIENCE = 60.0


@pytest.fixture
def desk(tmp_path: Path) -> Command:
    """A project of the test's own, with a policy in force and nothing to complain about but what the machine is like."""
    Command(tmp_path)("init", "desk")
    one = Command(tmp_path / "desk")
    (one.root / "var").chmod(0o700)
    one("status")
    return one


def configure(desk: Command, **settings: object) -> None:
    path = desk.root / "engine.yaml"
    plain = yaml.safe_load(path.read_text(encoding="utf-8")) | settings
    path.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")


def found(desk: Command, code: int = 0, **environment: str) -> dict[str, list[tuple[str, str, str]]]:
    """What it says of each thing: level, message, remedy."""
    told: dict[str, list[tuple[str, str, str]]] = {}
    for one in json.loads(desk("doctor", "--format", "json", code=code, **environment).stdout):
        told.setdefault(one["check"], []).append((one["level"], one["message"], one["mend"]))
    return told


def test_a_sound_project_has_one_line_for_each_thing_and_none_is_an_error(desk: Command) -> None:
    told = found(desk)
    assert list(told) == [
        *("policies", "secrets", "files", "clock", "database", "policy in force", "disk", "daemon"),
        *("channel email", "channel sms", "channel phone_log"),
    ]
    assert {name: lines[0][0] for name, lines in told.items() if name not in ("clock", "disk", "daemon")} == {
        name: GOOD for name in told if name not in ("clock", "disk", "daemon")
    }
    assert told["daemon"][0][0] == WARNING
    assert desk("doctor").stdout.splitlines()[0].startswith("✓ policies: ")
    assert "! 守护进程: 没有进程在使用数据库 → " in desk("doctor", "--lang", "zh").stdout


def test_warnings_alone_are_told_apart_only_when_asked(desk: Command) -> None:
    assert "! daemon: " in desk("doctor", "--strict", code=3).stdout


def test_a_broken_configuration_is_the_one_thing_that_is_told(desk: Command) -> None:
    configure(desk, outbound="perhaps")
    told = found(desk, code=1)
    [(level, message, _)] = told["engine.yaml"]
    assert level == ERROR
    assert re.fullmatch(r"engine\.yaml:\d+:1: outbound: must be one of hold, live", message)
    assert "outbound：应为其中之一：hold, live" in desk("doctor", "--lang", "zh", code=1).stdout
    (desk.root / "engine.yaml").unlink()
    assert "cannot be read" in found(desk, code=1)["engine.yaml"][0][1]


def test_each_secret_that_cannot_be_had_is_named_and_the_rest_is_left_out(desk: Command) -> None:
    channels = {"email": {"transport": "folder"}, "webhook": {"endpoints": {"crm": {"url": "https://x.test", "secret": "${env:GONE}"}}}}
    configure(desk, database="${file:secrets/url}", channels=channels)
    told = found(desk, code=1)
    assert [message for level, message, _ in told["secrets"] if level == ERROR] == [
        "the environment variable GONE that engine.yaml asks for is not set",
        "the secret file secrets/url that engine.yaml asks for cannot be read: No such file or directory",
    ]
    assert "database" not in told


def test_a_secret_file_that_others_can_read_is_named_with_what_to_type(desk: Command) -> None:
    path = desk.root / "url"
    path.write_text("sqlite:///var/engine.db\n", encoding="utf-8")
    configure(desk, database="${file:url}")
    path.chmod(0o640)
    assert found(desk)["secret files"] == [(WARNING, "url can be read by others", f"chmod 600 {path}")]
    path.chmod(0o600)
    assert "secret files" not in found(desk)


def test_a_var_that_everybody_can_read_or_nobody_can_find_is_named(desk: Command) -> None:
    (desk.root / "var").chmod(0o755)
    assert found(desk)["files"][0][:2] == (WARNING, f"{desk.root}/var can be read by everybody")
    configure(desk, var="elsewhere", database=f"sqlite:///{desk.root}/var/engine.db")
    told = found(desk, code=1)
    assert told["files"][0][:2] == (ERROR, f"{desk.root}/elsewhere is missing or cannot be written")
    assert not (desk.root / "elsewhere").exists()
    assert "database" not in told


def test_a_damaged_database_is_an_error(desk: Command) -> None:
    path = desk.root / "var" / "engine.db"
    for file in path.parent.glob("engine.db-*"):
        file.unlink()
    pages = bytearray(path.read_bytes())
    pages[8192:] = bytes(len(pages) - 8192)
    path.write_bytes(pages)
    assert {level for level, _, _ in found(desk, code=1)["database"]} == {ERROR}


def test_a_server_that_cannot_be_reached_is_an_error_without_its_password(desk: Command) -> None:
    configure(desk, database="${env:URL}")
    told = found(desk, code=1, URL=f"postgresql://desk:hunter2@{LOOPBACK}:{free_port()}/desk")
    [(level, message, _)] = told["database"]
    assert level == ERROR
    assert message.startswith("The database desk of desk at 127.0.0.1 cannot be reached: ")
    assert "hunter2" not in message
    assert "channel email" not in told


def test_a_policy_that_is_not_in_force_and_one_that_is_broken_are_told(desk: Command) -> None:
    path = desk.root / "policies" / "sla.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("10m", "11m"), encoding="utf-8")
    [(level, _, mend)] = found(desk)["policy in force"]
    assert (level, mend) == (WARNING, "engine policy diff")
    path.write_text(text + "nonsense: 1\n", encoding="utf-8")
    assert found(desk, code=1)["policies"][0][0] == ERROR


def test_a_channel_that_does_not_work_is_an_error_and_the_others_are_told(desk: Command) -> None:
    smpp = {"host": LOOPBACK, "port": free_port(), "tls": False, "system_id": "x", "password": "${env:SMPP_PASSWORD}"}
    sms = {"transport": "smpp", "signature": "【明远】", "sender": "10690000", "smpp": smpp}
    configure(desk, channels={"email": {"transport": "folder"}, "sms": sms})
    told = found(desk, code=1, SMPP_PASSWORD="hunter2")
    [(level, _, mend)] = told["channel sms"]
    assert (level, mend.endswith("`engine channel test sms`")) == (ERROR, True)
    assert told["channel email"][0][0] == GOOD


def started(desk: Command) -> subprocess.Popen[bytes]:
    log = desk.root / "daemon.log"
    with log.open("wb") as stream:
        process = subprocess.Popen([Path(sys.prefix) / "bin" / "engine", "run"], cwd=desk.root, stdout=stream, stderr=stream)
    deadline = time.monotonic() + PATIENCE
    while b'"started"' not in log.read_bytes():
        assert process.poll() is None, log.read_text(encoding="utf-8")
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return process


@pytest.mark.parametrize("listens", [True, False], ids=["answers", "holds-its-lock"])
def test_a_daemon_that_works_is_found(desk: Command, listens: bool) -> None:
    address = f"{LOOPBACK}:{free_port()}"
    configure(desk, operations={"listen": address} if listens else {})
    process = started(desk)
    try:
        [(level, message, _)] = found(desk)["daemon"]
        assert (level, message) == (GOOD, f"alive, it answers at {address}" if listens else "at work on the database")
    finally:
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    assert found(desk)["daemon"][0][0] == WARNING


def test_an_address_where_something_else_answers_is_no_daemon(desk: Command) -> None:
    with socket.socket() as other:
        other.bind((LOOPBACK, 0))
        other.listen()
        configure(desk, operations={"listen": f"{LOOPBACK}:{other.getsockname()[1]}"})
        assert found(desk)["daemon"][0][:2] == (WARNING, f"nobody answers at {LOOPBACK}:{other.getsockname()[1]}")


Usage = namedtuple("Usage", "total used free")  # as shutil has it


@pytest.mark.parametrize(
    ("free", "size", "age", "level"),
    [
        (50e9, 1_000_000, 400, GOOD),
        (50e9, 40_000_000_000, 14, WARNING),
        (50e9, 40_000_000_000, 3, GOOD),
        (0.9e9, 1_000_000, 400, WARNING),
        (0.09e9, 1_000_000, 400, ERROR),
    ],
)
def test_the_disk_is_held_against_what_the_database_grows_by(
    free: float, size: int, age: int, level: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda path: Usage(100e9, 100e9 - free, free))
    assert doctor._disk(Path(), size, timedelta(days=age)).level == level


@pytest.mark.parametrize(("state", "level"), [(0, GOOD), (5, WARNING), (-1, WARNING)])
def test_the_kernel_says_whether_the_clock_is_synchronised(state: int, level: str, monkeypatch: pytest.MonkeyPatch) -> None:
    class Library:
        def adjtimex(self, record: object) -> int:
            return state

    monkeypatch.setattr("ctypes.CDLL", lambda name: Library())
    assert doctor._synchronised().level == level


def test_a_channel_that_hangs_or_breaks_is_an_error_and_holds_up_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_PATIENCE", 0.2)

    class Broken:
        def check(self, to: str | None) -> list[str]:
            raise ValueError("nothing I know")

    class Hanging:
        def check(self, to: str | None) -> list[str]:
            time.sleep(2)
            return []

    broken, hanging = (doctor._proven("sms", lambda one=one: one()) for one in (Broken, Hanging))  # type: ignore[misc]  # no whole channel
    assert (broken.level, broken.message) == (ERROR, "ValueError: nothing I know")
    assert (hanging.level, translated(hanging.message, "zh")) == (ERROR, "0 秒内无应答")
    assert isinstance(hanging, Finding)
