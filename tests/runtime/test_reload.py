"""Hot reload: sound policies and people take effect between two decisions, others change nothing and are told."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from engine.cli.init import lay_out
from engine.core.signals import AgentActed, MessageArrived
from engine.policy import Compilation, compile_policy, has_errors
from engine.policy.compilation import digest
from engine.runtime.clock import VirtualClock
from engine.runtime.engine import Engine, open_engine
from engine.runtime.gather import Origin
from engine.runtime.policies import put_in_force
from engine.runtime.project import load_project
from engine.runtime.reload import Reloader
from engine.store import StoreFailed


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    lay_out(tmp_path)
    settings = tmp_path / "engine.yaml"
    settings.write_text(settings.read_text(encoding="utf-8") + "\noperations: {alarm_to: ops@example.test}\n", encoding="utf-8")
    opened = open_engine(load_project(tmp_path), VirtualClock(datetime(2026, 3, 4, 2, tzinfo=UTC)), reload=True)
    yield opened
    opened.close()


def edit(engine: Engine, file: str, old: str, new: str) -> None:
    path = engine.project.policies / file
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def budget(engine: Engine) -> timedelta:
    return engine.world.policy.tiers[0].budgets["response"]


def alarms(engine: Engine) -> list[str]:
    with engine.store.read() as reader:
        rows = [row for row in reader.messages() if row.party == "operations"]
        assert {(row.address, row.channel, row.state) for row in rows} <= {("ops@example.test", "email", "held")}
        return [reader.contents([row.content_id])[row.content_id] for row in rows]


def test_a_saved_policy_takes_effect_and_is_the_one_in_force(engine: Engine) -> None:
    edit(engine, "sla.yaml", "response: 10m", "response: 7m")
    assert Reloader(engine).saved()
    assert budget(engine) == timedelta(minutes=7)
    with engine.store.read() as reader:
        assert reader.active_policy() == engine.world.policy.digest
        assert [row.by for row in reader.activations()] == ["reload", "daemon"]


def test_a_policy_is_kept_before_any_decision_is_made_by_it(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    edit(engine, "sla.yaml", "response: 10m", "response: 7m")
    before = engine.world

    def fails(*_: object) -> None:
        raise StoreFailed("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr("engine.runtime.reload.put_in_force", fails)
        with pytest.raises(StoreFailed):
            Reloader(engine).saved()
    assert engine.world is before
    assert Reloader(engine).saved()


def test_people_are_reloaded_without_another_policy_and_their_mail_is_known(engine: Engine) -> None:
    before = engine.world.policy.digest
    edit(engine, "team.yaml", "  zhou: {", "  hu: {name: 胡杰, queues: [finance], email: hu@example.test, shift: day}\n  zhou: {")
    assert Reloader(engine).saved()
    assert engine.world.policy.digest == before
    assert "hu" in engine.world.team.agents
    assert engine.tokens.read(engine.tokens.make("202603040001", "hu")) == ("202603040001", "hu")


@pytest.mark.parametrize(
    ("file", "old", "new"), [("sla.yaml", "response: 10m", "response: soon"), ("team.yaml", "manager: zhou", "manager: nobody")]
)
def test_what_cannot_be_used_changes_nothing_and_is_told_once_when_it_stays(engine: Engine, file: str, old: str, new: str) -> None:
    world = engine.world
    edit(engine, "routing.yaml", "capacity: 20", "capacity: 21")
    edit(engine, file, old, new)
    reloader = Reloader(engine)
    assert not reloader.saved()
    assert (engine.world, alarms(engine), reloader.wants_another_look) == (world, [], True)
    for _ in range(3):
        assert not reloader.saved()
    [told] = alarms(engine)
    assert new.split()[-1] in told
    assert not reloader.wants_another_look
    with engine.store.read() as reader:
        assert reader.active_policy() == world.policy.digest


def test_a_file_that_was_only_half_written_raises_no_alarm(engine: Engine) -> None:
    reloader = Reloader(engine)
    edit(engine, "sla.yaml", "response: 10m", "response: ")
    assert not reloader.saved()
    edit(engine, "sla.yaml", "response: ", "response: 9m")
    assert reloader.saved()
    assert (budget(engine), alarms(engine), reloader.wants_another_look) == (timedelta(minutes=9), [], False)


def test_what_is_sound_but_still_being_written_is_not_put_in_force(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    path = engine.project.policies / "sla.yaml"
    whole = path.read_text(encoding="utf-8").replace("response: 10m", "response: 9m")

    def written_meanwhile(directory: Path) -> Compilation:
        compilation = compile_policy(directory)
        path.write_text(whole, encoding="utf-8")
        return compilation

    path.write_text(whole.partition("on_calendar_change")[0], encoding="utf-8")
    assert not has_errors(compile_policy(engine.project.policies).diagnostics)
    monkeypatch.setattr("engine.runtime.reload.compile_policy", written_meanwhile)
    assert Reloader(engine).saved()
    with engine.store.read() as reader:
        assert reader.active_policy() == digest(compile_policy(engine.project.policies).files)
        assert len(reader.activations()) == 2


def test_after_it_was_mended_the_same_fault_is_told_again(engine: Engine) -> None:
    reloader = Reloader(engine)
    for minute in (0, 1):
        assert isinstance(engine.clock, VirtualClock)
        engine.clock.set(engine.clock.now() + timedelta(minutes=minute))
        edit(engine, "sla.yaml", "response: 10m", "response: soon")
        reloader.saved()
        reloader.saved()
        edit(engine, "sla.yaml", "response: soon", "response: 10m")
        assert reloader.saved()
    assert len(alarms(engine)) == 2


def test_a_policy_that_another_process_put_in_force_is_taken_over(engine: Engine) -> None:
    reloader = Reloader(engine)
    assert not reloader.follow()
    edit(engine, "sla.yaml", "response: 10m", "response: 6m")
    put_in_force(compile_policy(engine.project.policies), engine.store, engine.clock.now(), "zhou")
    assert reloader.follow()
    assert budget(engine) == timedelta(minutes=6)


def test_a_policy_in_force_that_cannot_be_used_here_is_told_and_not_taken_over(engine: Engine) -> None:
    digest = engine.world.policy.digest
    with engine.store.write() as tx:
        tx.save_policy("f" * 64, {"sla.yaml": "version: 1\n"}, engine.clock.now())
        tx.activate("f" * 64, engine.clock.now(), "zhou")
    reloader = Reloader(engine)
    for _ in range(2):
        assert not reloader.follow()
    assert len(alarms(engine)) == 1
    assert engine.world.policy.digest == digest


def test_without_anybody_to_tell_the_fault_is_only_logged(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    edit(engine, "../engine.yaml", "operations: {alarm_to: ops@example.test}", "")
    quiet = open_engine(load_project(engine.project.root), engine.clock)
    try:
        edit(engine, "sla.yaml", "response: 10m", "response: soon")
        reloader = Reloader(quiet)
        reloader.saved()
        reloader.saved()
        assert alarms(quiet) == []
        assert any(record.getMessage() == "policies refused: the ones in force stay" for record in caplog.records)
    finally:
        quiet.close()


def a_ticket(engine: Engine) -> str:
    """A ticket whose progress clock counts on office time; the plan's does not."""
    number = engine.handle(MessageArrived(None, "email", "请问周末营业吗"), Origin("email", "chen@example.test")).ticket
    assert number is not None
    engine.handle(AgentActed(number, "contact", "zhao"))
    return number


def progress(engine: Engine, number: str) -> datetime | None:
    with engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket is not None
    return ticket.deadlines["progress"].due


def timers(engine: Engine, number: str) -> list[str]:
    with engine.store.read() as reader:
        return [row.key for row in reader.timers(number) if row.key == "calendars"]


def test_a_holiday_that_is_announced_moves_the_clocks_that_count_on_it(engine: Engine) -> None:
    number = a_ticket(engine)
    before = progress(engine, number)
    assert before is not None
    edit(engine, "calendars/cn_office.yaml", "closed: []", 'closed: ["2026-03-05 00:00-24:00"]')
    assert Reloader(engine).saved()
    assert timers(engine, number) == ["calendars"]
    engine.work_timers()
    after = progress(engine, number)
    assert after is not None
    assert after > before
    assert timers(engine, number) == []


def test_calendars_that_another_process_put_in_force_are_looked_at_by_the_policy_that_has_them(engine: Engine) -> None:
    number = a_ticket(engine)
    before = progress(engine, number)
    edit(engine, "calendars/cn_office.yaml", "closed: []", 'closed: ["2026-03-05 00:00-24:00"]')
    put_in_force(compile_policy(engine.project.policies), engine.store, engine.clock.now(), "zhou")
    engine.work_timers()  # still by the old policy
    assert progress(engine, number) == before
    assert Reloader(engine).follow()
    engine.work_timers()
    assert progress(engine, number) != before


def test_another_policy_with_the_same_calendars_and_one_that_keeps_look_at_no_ticket(engine: Engine) -> None:
    number = a_ticket(engine)
    edit(engine, "sla.yaml", "response: 10m", "response: 7m")
    edit(engine, "sla.yaml", "on_calendar_change: recompute", "on_calendar_change: keep")
    assert Reloader(engine).saved()
    edit(engine, "calendars/cn_office.yaml", "closed: []", 'closed: ["2026-03-05 00:00-24:00"]')
    assert Reloader(engine).saved()
    assert timers(engine, number) == []
