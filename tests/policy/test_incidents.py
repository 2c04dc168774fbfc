"""What incidents.yaml says, compiled."""

from engine.policy import compile_files
from tests.core.worlds import POLICIES, shipped


def test_groups_need_what_is_done_with_an_incident() -> None:
    files = {path.name: path.read_text("utf-8") for path in POLICIES.glob("*.yaml") if path.name != "team.yaml"}
    files |= {f"calendars/{path.name}": path.read_text("utf-8") for path in (POLICIES / "calendars").glob("*.yaml")}
    begin, end = (files["incidents.yaml"].index(section) for section in ("incidents:\n", "groups:\n"))
    files["incidents.yaml"] = files["incidents.yaml"][:begin] + files["incidents.yaml"][end:]
    compilation = compile_files(files)
    assert compilation.policy is None
    [fault] = [one for one in compilation.diagnostics if one.severity == "error"]
    assert (fault.code, fault.file, fault.message) == ("CL316", "incidents.yaml", "the policy has no `incidents`")


def test_a_major_complaint_is_rules_of_the_house() -> None:
    found = {rule.id: rule for rule in shipped().rules if rule.source.file == "incidents.yaml"}
    assert list(found) == ["public-or-harmed", "public-or-harmed.1", "public-or-harmed.2", "not-solved-thrice"]
    assert [action.words for action in found["public-or-harmed"].do] == [
        "add_tag: major",
        "reassign: supervisors",
        "raise_tier: urgent",
        "notify: [queue.lead, manager], script: major_complaint",
        "start_timer: public-or-harmed.1, after: 15m",
        "start_timer: public-or-harmed.2, after: 4h",
    ]
