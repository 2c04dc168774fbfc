"""`engine validate` on a project: its deployment is checked like its policies."""

import json
import re
import shutil
from pathlib import Path

import pytest

from engine.cli.init import lay_out
from engine.cli.validate import check
from engine.policy.said import translated
from tests.cli.conftest import Command

PAGE = (Path(__file__).parents[2] / "docs" / "diagnostics.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^### (CL\d+) [^\n]*\n\nIn `engine.yaml`:\n\n```yaml\n(.*?)```\n\n> ([^\n]*)", PAGE, re.DOTALL | re.MULTILINE)


def test_a_project_as_it_is_laid_out_is_sound(tmp_path: Path) -> None:
    lay_out(tmp_path)
    assert check(tmp_path)[0] == []


@pytest.mark.parametrize(("code", "text", "message"), EXAMPLES, ids=[example[0] for example in EXAMPLES])
def test_each_documented_fault_of_the_deployment_is_told_with_its_code_and_place(
    tmp_path: Path, code: str, text: str, message: str
) -> None:
    lay_out(tmp_path)
    (tmp_path / "engine.yaml").write_text(text, encoding="utf-8")
    [found] = check(tmp_path)[0]
    assert (found.code, found.message) == (code, message.rstrip())
    assert text.splitlines()[found.line - 1].strip() != ""


def test_every_code_of_the_deployment_has_an_example() -> None:
    assert [code for code, _, _ in EXAMPLES] == ["CL340", "CL341", "CL701", "CL702"]


UNKNOWN_QUEUE = "version: 1\nroutes:\n  - {id: x, when: {field: ticket.kind, is: care}, queue: vip}\n"


@pytest.fixture
def broken(tmp_path: Path) -> Command:
    """A project with one error and a warning in its policies."""
    lay_out(tmp_path)
    (tmp_path / "policies" / "routing-x.yaml").write_text(UNKNOWN_QUEUE, encoding="utf-8")
    return Command(tmp_path)


def test_the_language_is_the_one_asked_for_else_that_of_the_locale(broken: Command) -> None:
    assert "there is no queue `vip`" in broken("validate", code=1).stdout
    assert "没有队列 `vip`" in broken("validate", "--lang", "zh", code=1).stdout
    assert "没有队列 `vip`" in broken("validate", LANG="zh_CN.UTF-8", code=1).stdout
    assert "there is no queue `vip`" in broken("validate", "--lang", "en", LANG="zh_CN.UTF-8", code=1).stdout


@pytest.mark.parametrize(("form", "begins"), [("json", "["), ("sarif", "{"), ("junit", "<?xml"), ("github", "::error ")])
def test_each_format_is_printed_alone_or_written_to_a_file(broken: Command, tmp_path: Path, form: str, begins: str) -> None:
    printed = broken("validate", "--format", form, code=1).stdout
    assert printed.startswith(begins)
    assert "policies/routing-x.yaml" in printed or form == "json"
    said = broken("validate", "--format", form, "--output", "report", code=1).stdout
    assert said == ".: 1 errors, 0 warnings\n"
    assert (tmp_path / "report").read_text(encoding="utf-8") == printed


def test_nothing_to_check_is_no_pass_in_any_format(run: Command, tmp_path: Path) -> None:
    for form in ("text", "json", "sarif", "junit", "github"):
        assert "nothing to check" in run("validate", "--format", form, code=2).stderr


def test_warnings_count_only_under_strict(tmp_path: Path) -> None:
    lay_out(tmp_path)
    route = "{id: down, when: {field: ticket.text, mentions: [宕机\uff0c瘫痪]}, queue: product}"
    slip = f"version: 1\nroutes:\n  - {route}\n"
    (tmp_path / "policies" / "routing-a.yaml").write_text(slip, encoding="utf-8")
    command = Command(tmp_path)
    assert "0 errors, 1 warnings" in command("validate").stdout
    command("validate", "--strict", code=3)


def test_places_are_told_from_the_current_directory_so_that_code_scanning_finds_them(broken: Command, tmp_path: Path) -> None:
    for path in (".", "policies", str(tmp_path)):
        printed = broken("validate", "--format", "github", path, code=1).stdout
        assert printed.startswith("::error file=policies/routing-x.yaml,line=3,"), path
    report = broken("validate", "--format", "junit", code=1).stdout
    assert 'name="engine.yaml"' in report
    assert str(tmp_path) not in report


def test_a_report_that_cannot_be_written_is_a_mistake_of_the_caller(broken: Command) -> None:
    assert "engine.yaml/report cannot be written" in broken("validate", "--output", "engine.yaml/report", code=2).stderr


def test_what_is_wrong_with_the_deployment_is_said_in_chinese_too(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "engine.yaml").write_text("version: 1\nchannels:\n  sms: {transport: pigeon}\n", encoding="utf-8")
    printed = Command(tmp_path)("validate", "--lang", "zh", code=1).stdout
    assert "错误 CL702: 渠道 `sms`：" in printed
    assert "提示：请看 `engine init` 写入 `engine.yaml` 的注释" in printed


# ── --against ───────────────────────────────────────────────────────────────────────────────────────────────────────

HANDLED_OTHERWISE = "2 open tickets change (routing 1, warnings 2, escalations 0), 0 cannot be reckoned"


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """A project with two open tickets, whose directory would warn of both earlier and put one elsewhere."""
    root = tmp_path_factory.mktemp("against") / "project"
    lay_out(root)
    command = Command(root)
    command.mail("fails", "总是报错")
    command.mail("asks", "你好")
    replace_in(root / "policies" / "sla.yaml", "warn: [50%, 80%, -10m]", "warn: [25%, 80%, -10m]")
    replace_in(root / "policies" / "routing.yaml", "[故障, 异常, 报错, 无法登录", "[故障, 异常, 无法登录")
    return command


def replace_in(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def test_the_open_tickets_that_a_policy_would_handle_otherwise_are_counted_and_listed(live: Command) -> None:
    active = live.json("status")["policy"]["active"]
    said = live("validate", "--against", "active").stdout
    assert said == f".: sound\nagainst {active[:12]}: 2 of {HANDLED_OTHERWISE}\n"
    assert live("validate", "policies", "--against", active[:8]).stdout.endswith(f"2 of {HANDLED_OTHERWISE}\n")
    assert "2 张未结工单中 2 张会变化（派单 1，预警 2，升级 0）" in live("validate", "--against", "active", "--lang", "zh").stdout
    told = live.json("validate", "--against", "active")
    assert (told["diagnostics"], told["against"]["policy"], told["against"]["changed"]) == ([], active, 2)
    [routed] = [one for one in told["against"]["tickets"] if "routing" in one]
    assert (routed["routing"]["old"]["queue"], routed["routing"]["new"]["queue"]) == ("tech_support", "front_desk")
    assert live.json("status")["policy"]["active"] == active


def test_a_directory_changes_nothing_against_itself_and_the_report_may_go_to_a_file(live: Command) -> None:
    live("validate", "--against", "policies", "--format", "json", "--output", "report.json")
    told = json.loads((live.root / "report.json").read_text(encoding="utf-8"))["against"]
    assert (told["open"], told["changed"], told["tickets"]) == (2, 0, [])


def test_policies_with_errors_are_not_held_against_anything(live: Command, tmp_path: Path) -> None:
    shutil.copytree(live.root / "policies", tmp_path / "drafts")
    (tmp_path / "drafts" / "routing-x.yaml").write_text(UNKNOWN_QUEUE, encoding="utf-8")
    drafts = str(tmp_path / "drafts")
    assert "against" not in live("validate", drafts, "--against", "active", code=1).stdout
    told = json.loads(live("validate", drafts, "--against", "active", "--format", "json", code=1).stdout)
    assert ([one["code"] for one in told["diagnostics"]], told["against"]) == (["CL304"], None)


def test_without_a_project_or_the_version_it_is_said_what_is_missing(live: Command, tmp_path: Path) -> None:
    policies = str(live.root / "policies")
    elsewhere = Command(tmp_path)
    missing = elsewhere("validate", policies, "--against", "active", code=2).stderr
    assert "there is no engine.yaml in" in missing
    assert "2 of 2 open tickets" in elsewhere("validate", policies, "--against", "active", ENGINE_PROJECT=str(live.root)).stdout
    assert "there is no policy 'ffff'" in live("validate", "--against", "ffff", code=1).stderr
    assert "printed as text or json" in live("validate", "--against", "active", "--format", "sarif", code=2).stderr


def test_a_project_in_which_nothing_was_ever_decided_has_no_policy_in_force(tmp_path: Path) -> None:
    lay_out(tmp_path / "fresh")
    fresh = Command(tmp_path / "fresh")
    assert "there is no policy 'active'" in fresh("validate", "--against", "active", code=1).stderr
    assert "0 of 0 open tickets" in fresh("validate", "--against", "policies").stdout


def test_the_shipped_policies_pass_whatever_the_day_while_the_last_year_is_provisional(run: Command) -> None:
    shipped = str(Path(__file__).parents[2] / "policies")
    run("validate", "--strict", "--at", "2027-02-01", shipped)
    run("validate", "--strict", "--at", "2027-12-31T23:00+08:00", shipped)
    told = run("validate", "--at", "2028-01-01", shipped, code=1).stdout
    assert "calendars/cn_office.yaml:69:5: error CL507: `cn` has no holiday data for 2028" in told
    assert "is no date" in run("validate", "--at", "someday", shipped, code=2).stderr


def test_a_job_in_a_zone_that_does_not_exist_is_told_at_its_place(tmp_path: Path) -> None:
    lay_out(tmp_path)
    text = "version: 1\njobs:\n  backup: {cron: '@daily', timezone: Asia/Peking}\n"
    (tmp_path / "engine.yaml").write_text(text, encoding="utf-8")
    [found] = check(tmp_path)[0]
    assert (found.code, found.path, found.line) == ("CL701", "jobs.backup.timezone", 3)
    assert found.message.startswith("jobs.backup.timezone: there is no time zone 'Asia/Peking'")


def test_a_job_whose_place_a_report_took_is_told_with_the_report(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "engine.yaml").write_text("version: 1\njobs:\n  summary: {cron: 0 8 * * *}\n", encoding="utf-8")
    [found] = check(tmp_path)[0]
    assert (found.code, found.path, found.line) == ("CL701", "jobs.summary", 3)
    assert found.message.endswith("the report of the day took its place: `report: day` under `reports` in policies/reports.yaml")
    assert "由日报取代" in translated(found.message, "zh")


def test_the_daemon_does_not_start_with_a_job_that_is_never_due(tmp_path: Path) -> None:
    lay_out(tmp_path)
    (tmp_path / "engine.yaml").write_text("version: 1\njobs:\n  backup: {cron: 0 3 30 2 *}\n", encoding="utf-8")
    assert "engine.yaml: jobs.backup.cron: `0 3 30 2 *` never comes" in Command(tmp_path)("run", code=1).stderr
