"""`engine check`, `engine backup`, `engine restore` and `engine db copy` on a project of their own."""

import io
import json
import shutil
import sqlite3
import subprocess
import tarfile
from contextlib import closing, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import pytest

from engine.cli.app import main
from engine.cli.init import lay_out
from engine.store import open_store
from engine.store.sqlite.lock import ProcessLock
from tests.cli.conftest import Command
from tests.store.test_copying import everything


class Inside(Command):
    """The command in this process, which is quicker."""

    def __call__(self, *arguments: str, stdin: str = "", code: int = 0, **environment: str) -> subprocess.CompletedProcess[str]:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.chdir(self.root)
            for name, value in {"LANG": "en_US.UTF-8", "LC_ALL": "", "LC_MESSAGES": "", **environment}.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as left:
                main(arguments)
        done = subprocess.CompletedProcess(list(arguments), int(left.value.code or 0), out.getvalue(), err.getvalue())
        assert done.returncode == code, f"{arguments} exited with {done.returncode}\n{done.stdout}\n{done.stderr}"
        return done


def by_hand(engine: Command, sql: str) -> None:
    with closing(sqlite3.connect(engine.root / "var" / "engine.db")) as connection, connection:
        assert connection.execute(sql).rowcount > 0


def content(engine: Command) -> dict[str, Any]:
    with closing(open_store("sqlite:///var/engine.db", engine.root)) as store:
        return everything(store)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with a ticket, an attachment, what a channel remembers, and a file that waits to be taken in."""
    engine = Command(tmp_path_factory.mktemp("template"))
    lay_out(engine.root)
    engine.mail("one", "系统宕机了")
    for name, text in {"attachments/ab/abcd": "picture", "state/email/position": "17", "in/email/next.eml": "waits"}.items():
        path = engine.root / "var" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (engine.root / "var" / "state" / "sms").mkdir(exist_ok=True)
    with closing(sqlite3.connect(engine.root / "var" / "state" / "sms" / "sms.sqlite")) as ledger, ledger:
        ledger.execute("CREATE TABLE message (id TEXT)")
        ledger.execute("INSERT INTO message VALUES ('m-1')")
    return engine.root


@pytest.fixture
def desk(template: Path, tmp_path: Path) -> Inside:
    """A copy of it to work with."""
    return Inside(shutil.copytree(template, tmp_path / "desk"))


def test_check_says_ok_for_each_invariant_and_names_what_is_broken(desk: Command) -> None:
    lines = desk("check").stdout.splitlines()
    assert [line.partition(" ")[0] for line in lines] == ["I1", "I2", "I3", "I4", "I5", "I6"]
    assert [line for line in lines if not line.endswith(": ok")] == [line for line in lines if line.startswith("I3")]
    assert "每张工单的状态等于其日志的重放" in desk("check", "--lang", "zh").stdout
    by_hand(desk, "UPDATE ticket SET tier = 'other'")
    assert "    ticket" in desk("check", code=1).stdout
    found = desk.json("check", code=1)
    assert not found["ok"]
    assert {name for name, texts in found["findings"].items() if texts} == {"I4"}
    assert found["findings"]["I3"] is None


def test_check_holds_what_the_carriers_were_given_against_the_messages(desk: Command) -> None:
    seen = desk.root / "seen.txt"
    seen.write_text("x\n")
    assert desk.json("check", "--sent", str(seen), code=1)["findings"]["I3"] == ["a carrier was given x, which no message is called"]
    seen.write_text("")
    assert desk.json("check", "--sent", str(seen))["findings"]["I3"] == []


def test_a_project_comes_back_from_its_backup_on_another_machine(desk: Command, tmp_path: Path) -> None:
    desk("backup", "kept.tar.gz")
    before = content(desk)
    (desk.root / "kept.tar.gz").rename(tmp_path / "moved.tar.gz")
    other = Inside(tmp_path / "other")
    lay_out(other.root)
    said = other("restore", str(tmp_path / "moved.tar.gz")).stdout
    assert "1 tickets restored" in said
    assert content(other) == before
    var = other.root / "var"
    assert (var / "attachments/ab/abcd").read_text() == "picture"
    assert (var / "state/email/position").read_text() == "17"
    assert (var / "in/email/next.eml").read_text() == "waits"
    with closing(sqlite3.connect(var / "state/sms/sms.sqlite")) as ledger:
        assert ledger.execute("SELECT id FROM message").fetchall() == [("m-1",)]
    assert (tmp_path / "moved.tar.gz").stat().st_mode & 0o777 == 0o600
    assert not [path for path in var.iterdir() if path.name.startswith(".")]


def test_without_a_name_a_backup_goes_where_backups_lie_and_never_over_another(desk: Command) -> None:
    desk("backup")
    (kept,) = (desk.root / "var" / "backups").iterdir()
    assert kept.suffix == ".tar"
    assert "exists already" in desk("backup", str(kept), code=1).stderr
    with tarfile.open(kept) as archive:
        names = archive.getnames()
    assert names.index("state/email/position") < names.index("engine.db") < names.index("attachments/ab/abcd")


def test_what_holds_something_is_replaced_only_when_asked_and_kept(desk: Command) -> None:
    desk("backup", "kept.tar")
    first = content(desk)
    desk.mail("two", "登录异常")
    (desk.root / "var/state/email/position").write_text("18")
    second = content(desk)
    assert "holds 2 tickets; --replace" in desk("restore", "kept.tar", code=1).stderr
    assert content(desk) == second
    said = desk("restore", "kept.tar", "--replace").stdout
    assert content(desk) == first
    assert (desk.root / "var/state/email/position").read_text() == "17"
    (aside,) = (desk.root / "var" / "backups").glob("replaced-*.db")
    assert aside.name in said
    (remembered,) = (desk.root / "var").glob("state.replaced-*")
    assert (remembered / "email/position").read_text() == "18"
    desk("restore", str(aside), "--replace")
    assert content(desk) == second


def test_nothing_is_restored_while_a_daemon_works(desk: Command) -> None:
    desk("backup", "kept.tar")
    before = content(desk)
    lock = ProcessLock(desk.root / "var" / "engine.db", "engine run")
    assert "engine run" in desk("restore", "kept.tar", "--replace", code=1).stderr
    assert "engine run" in desk("db", "copy", "sqlite:///var/engine.db", "sqlite:///var/other.db", code=1).stderr
    desk("backup", "beside.tar")
    lock.release()
    assert content(desk) == before


def test_what_is_not_sound_is_restored_only_when_asked(desk: Command) -> None:
    by_hand(desk, "UPDATE ticket SET tier = 'other'")
    desk("backup", "kept.tar")
    before = content(desk)
    assert "kept.tar is not sound (1 findings)" in desk("restore", "kept.tar", "--replace", code=1).stderr
    assert content(desk) == before
    desk("restore", "kept.tar", "--replace", "--unsound")
    assert content(desk) == before


def test_what_is_no_backup_is_refused_and_nothing_changes(desk: Command) -> None:
    before = content(desk)
    (desk.root / "note.txt").write_text("no database")
    with tarfile.open(desk.root / "other.tar", "w") as archive:
        archive.add(desk.root / "note.txt", "note.txt")
    with tarfile.open(desk.root / "wicked.tar", "w") as archive:
        archive.add(desk.root / "note.txt", "state/../../../wicked.txt")
    assert "there is no file" in desk("restore", "nowhere.tar", "--replace", code=1).stderr
    for name in ("other.tar", "wicked.tar"):
        assert "is no backup" in desk("restore", name, "--replace", code=1).stderr
    assert "note.txt is no backup" in desk("restore", "note.txt", "--replace", code=1).stderr
    assert content(desk) == before
    assert not list(desk.root.parent.rglob("wicked.txt"))


def test_an_installation_moves_to_a_server_and_back_and_works_on(desk: Command, database: str) -> None:
    before = content(desk)
    counts = desk.json("db", "copy", "sqlite:///var/engine.db", "${env:SERVER}", SERVER=database)
    assert counts["ticket"] == 1
    text = (desk.root / "engine.yaml").read_text()
    (desk.root / "engine.yaml").write_text(text.replace("sqlite:///var/engine.db", "${env:SERVER}"))
    assert desk.json("check", SERVER=database)["ok"]
    desk("backup", "server.tar", SERVER=database)
    desk("restore", "server.tar", "--replace", SERVER=database)
    desk("db", "copy", "${env:SERVER}", "sqlite:///var/back.db", SERVER=database)
    (desk.root / "engine.yaml").write_text(text.replace("engine.db", "back.db"))
    with closing(open_store("sqlite:///var/back.db", desk.root)) as back:
        assert everything(back) == before
    assert desk.mail("two", "登录异常").endswith("0002")
    assert "not empty" in desk("db", "copy", "sqlite:///var/engine.db", "sqlite:///var/back.db", code=1).stderr
    assert "there is no database" in desk("db", "copy", "sqlite:///var/none.db", "sqlite:///var/new.db", code=1).stderr


def test_messages_that_may_go_out_twice_are_named(desk: Command) -> None:
    text = (desk.root / "engine.yaml").read_text()
    (desk.root / "engine.yaml").write_text(text.replace("outbound: hold", "outbound: live"))
    desk.mail("two", "登录异常")
    desk("backup", "kept.tar")
    assert "outbound: hold" in desk("restore", "kept.tar", "--replace").stdout
    assert json.dumps(desk.json("check", "--drained", code=1)["findings"]["I2"]).count("still queued") >= 1
