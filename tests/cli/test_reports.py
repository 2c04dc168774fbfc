"""Reports by cron, as the daemon makes and mails them, and `engine report` as a command."""

import email
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
import yaml

from engine.analysis.reports import delivery, writing
from engine.channels import Attachment
from engine.cli.doctor import WARNING, Finding, _reports
from engine.cli.init import lay_out
from engine.cli.jobs import JOBS
from engine.errors import UsageError
from engine.policy.said import translated
from engine.runtime.attachments import keep, kept, listing
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.project import load_project
from engine.runtime.worker import Worker
from tests.cli.conftest import Command

ZONE = ZoneInfo("Asia/Shanghai")
FIRST = datetime(2026, 4, 1, 8, tzinfo=ZONE)
REPORTS = """\
reports:
  - {id: figures, cron: "0 8 1 * *", catch_up: once, report: queue, formats: [md, xlsx], to: [zhou, supervisors, assignee]}
"""


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Callable[[str], Engine]]:
    """Opens a project whose only report is that of its queues, in the last days of March."""
    opened = []

    def build(outbound: str = "live", *, mail: bool = True) -> Engine:
        lay_out(tmp_path, outbound=outbound)
        reports = tmp_path / "policies" / "reports.yaml"
        text = reports.read_text(encoding="utf-8")
        reports.write_text(text[: text.index("reports:\n  - id")] + REPORTS, encoding="utf-8")
        settings = tmp_path / "engine.yaml"
        plain = yaml.safe_load(settings.read_text(encoding="utf-8"))
        plain["channels"]["email"]["enabled"] = mail
        settings.write_text(yaml.safe_dump(plain, allow_unicode=True), encoding="utf-8")
        opened.append(open_engine(load_project(tmp_path), VirtualClock(FIRST - timedelta(days=3)), reload=True))
        return opened[-1]

    yield build
    for engine in opened:
        engine.close()


def look(engine: Engine, now: datetime) -> int:
    """What the daemon's thread for reports does at that moment."""
    assert isinstance(engine.clock, VirtualClock)
    engine.clock.set(now)
    return Worker(engine, JOBS, frozenset({"cron"}))._report()


def mails(engine: Engine) -> list[str]:
    with engine.store.read() as reader:
        return [row.id for row in reader.messages(channel="email")]


def sent(engine: Engine) -> list[EmailMessage]:
    engine.membership = None  # the worker that made the report never ran
    engine.work_outbox("email")
    folder = engine.project.var / "out" / "email"
    return [email.message_from_bytes(path.read_bytes(), policy=default) for path in sorted(folder.glob("*.eml"))]


def test_a_report_is_kept_in_each_language_and_mailed_with_its_files_to_each_reader_once(desk: Callable[..., Engine]) -> None:
    engine = desk()
    assert look(engine, FIRST - timedelta(hours=1)) == 0  # the slots before are only taken
    assert look(engine, FIRST) == 1
    kept = {str(path.relative_to(engine.project.var / "reports")) for path in (engine.project.var / "reports").rglob("*.*")}
    assert kept == {f"{language}/queue-2026-03.{suffix}" for language in ("zh", "en") for suffix in ("md", "xlsx")}
    readers = {"zhou", *(agent.id for agent in engine.world.team.agents.values() if "supervisors" in agent.queues)}
    assert set(mails(engine)) == {f"report.figures.20260401T0000.{reader}" for reader in readers}
    found = sent(engine)
    assert len(found) == len(readers)
    for mail in found:
        assert mail["Subject"] == "队列服务报告: 2026年3月"
        assert "本期受理客户需求 0 项" in mail.get_body().get_content()  # type: ignore[union-attr]  # or the test fails
        files = {part.get_filename(): part.get_payload(decode=True) for part in mail.iter_attachments()}
        assert files == {
            name: (engine.project.var / "reports" / "zh" / name).read_bytes() for name in ("queue-2026-03.md", "queue-2026-03.xlsx")
        }
    assert look(engine, FIRST + timedelta(minutes=1)) == 0
    assert len(mails(engine)) == len(readers)


def test_a_report_that_was_not_mailed_before_a_crash_is_made_again_and_none_goes_twice(
    desk: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = desk()
    look(engine, FIRST - timedelta(hours=1))

    def dies(*_: object) -> str:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(delivery, "listing", dies)
        with pytest.raises(OSError, match="No space"):
            look(engine, FIRST)
    assert mails(engine) == []
    assert look(engine, FIRST + timedelta(minutes=1)) == 1
    queued = mails(engine)
    (wanted,) = engine.world.policy.reports.reports
    job = f"report figures {wanted.cron} {wanted.timezone}"
    delivery.deliver(engine, wanted, job, FIRST)  # as another process would that came to it at the same time
    assert mails(engine) == queued


def test_a_format_that_nothing_here_writes_keeps_no_other_back(
    desk: Callable[..., Engine], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writing, "renderers", lambda: ({}, ["closedloop-broken 1.0: ImportError"]))
    engine = desk("hold")
    look(engine, FIRST - timedelta(hours=1))
    assert look(engine, FIRST) == 1
    assert [path.name for path in (engine.project.var / "reports" / "en").iterdir()] == ["queue-2026-03.md"]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["report cannot be written"] * 2
    with engine.store.read() as reader:
        assert {row.state for row in reader.messages(channel="email")} == {"held"}
    (finding,) = _reports(engine.world.policy)
    assert isinstance(finding, Finding)
    assert finding.level == WARNING
    assert translated(finding.message, "en") == "nothing installed here writes xlsx"


def test_where_all_formats_can_be_written_the_doctor_says_nothing(desk: Callable[..., Engine]) -> None:
    assert list(_reports(desk().world.policy)) == []


def test_without_a_channel_for_mail_a_report_is_only_kept(desk: Callable[..., Engine]) -> None:
    engine = desk(mail=False)
    look(engine, FIRST - timedelta(hours=1))
    assert look(engine, FIRST) == 1
    assert (engine.project.var / "reports" / "zh" / "queue-2026-03.xlsx").exists()
    with engine.store.read() as reader:
        assert reader.messages() == []


def test_files_of_messages_are_kept_once_by_what_they_hold(tmp_path: Path) -> None:
    files = [Attachment("报告.md", "text/markdown", b"one"), Attachment("../b.md", "text/markdown", b"one")]
    assert kept(tmp_path, listing(tmp_path, files)) == tuple(files)
    assert len([path for path in tmp_path.rglob("*") if path.is_file()]) == 1
    assert keep(tmp_path, b"one") == keep(tmp_path, b"one")


@pytest.fixture(scope="module")
def busy(engine: Command) -> Command:
    """A project with a ticket of this month."""
    engine.mail("report", "我要投诉")
    return engine


def this_month() -> str:
    return f"{datetime.now(ZONE):%Y-%m}"


def test_markdown_is_printed(busy: Command) -> None:
    said = busy("report", "month", "--period", this_month(), "--format", "md", "--lang", "zh").stdout
    assert said.startswith("# 客户服务改进月报")
    assert "本期受理客户需求 1 项" in said


def test_other_formats_are_written_into_var_reports_or_where_one_wants(busy: Command, tmp_path: Path) -> None:
    name = busy("report", "queue", "--period", this_month(), "--lang", "zh").stdout.strip()
    page = (busy.root / name).read_text(encoding="utf-8")
    assert name == f"{busy.root}/var/reports/zh/queue-{this_month()}.html"
    assert "<h1>队列服务报告</h1>" in page
    busy("report", "incident", "--period", this_month(), "--format", "json", "--output", str(tmp_path / "incidents.json"))
    assert json.loads((tmp_path / "incidents.json").read_text(encoding="utf-8"))["summary"][0].startswith("1 need of a customer came in")


def test_what_cannot_be_is_said(busy: Command) -> None:
    assert "write its period as 2026-W41" in busy("report", "week", "--period", "2026-10", code=2).stderr


def test_without_the_plugin_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "renderers", lambda: ({}, []))
    with pytest.raises(UsageError, match=r"pip install 'closedloop\[reports\]'; without it there are json, md"):
        writing.writer("html")
