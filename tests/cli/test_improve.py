"""`engine improve`, `engine feedback` and `engine ticket outcome`: what is learned is entered, shown and verified."""

from pathlib import Path

from tests.cli.conftest import Command


def test_a_measure_from_its_entry_to_its_verdict(engine: Command) -> None:
    complaint = engine.mail("c1", "我要投诉送货员")
    added = engine.json(
        *("improve", "add", "--text", "投诉话术培训", "--kind", "training", "--owner", "zhao", "--due", "2099-01-31", "--as", "zhou"),
        *("--source", complaint, "--source", "weekly-weak-spots", "--kpi", "needs_met", "--scope", "kind=complaint"),
    )
    number = added["ticket"]
    assert (added["assignee"], added["next_due"]["deadline"]) == ("zhao", "improvement")
    shown = engine.json("improve", "show", number)
    assert (shown["measure"], shown["kind"], shown["owner"], shown["verdicts"]) == ("投诉话术培训", "training", "zhao", [])
    assert (shown["sources"], shown["overdue"]) == ([complaint, "weekly-weak-spots"], False)
    assert shown["aim"]["scope"] == {"kind": "complaint"}
    assert shown["aim"]["check"] == ["2099-01-31T16:00:00+00:00", "2099-02-28T16:00:00+00:00"]
    text = engine("improve", "show", number).stdout
    assert "should move: needs met kind=complaint; before " in text
    assert f"source: {complaint}, weekly-weak-spots" in text
    early = engine("improve", "verify", number, "--as", "zhou").stdout
    assert early.startswith("  too early to say  (")
    assert "after: –, n = 0" in early
    assert engine.json("improve", "verify", number, "--as", "zhou")["verdict"] == "too_early"
    engine("improve", "update", number, "--baseline", "2020-01-01..2020-02-29", "--check", "2020-03-01..2020-04-30", "--as", "zhou")
    aim = engine.json("improve", "show", number)["aim"]
    assert (aim["kpi"], aim["scope"]) == ("needs_met", {"kind": "complaint"})
    assert aim["baseline"] == ["2019-12-31T16:00:00+00:00", "2020-02-29T16:00:00+00:00"]
    assert "measures: " + number in engine("ticket", "show", complaint).stdout
    assert "已见改善" not in engine("improve", "list", "--lang", "zh").stdout


def test_the_register_lists_what_is_due_first_and_what_is_overdue(engine: Command) -> None:
    late = engine.json("improve", "add", "--text", "b", "--queue", "front_desk", "--due", "2098-01-01", "--as", "zhou")["ticket"]
    soon = engine.json("improve", "add", "--text", "a", "--owner", "chen", "--due", "2097-01-01", "--as", "zhou")["ticket"]
    listed = [row["number"] for row in engine.json("improve", "list")]
    assert listed.index(soon) < listed.index(late)
    assert [row["number"] for row in engine.json("improve", "list", "--owner", "chen")] == [soon]
    assert engine("improve", "list", "--overdue").stdout == "There is nothing to show.\n"
    assert "training" not in engine("improve", "list", "--owner", "chen").stdout
    engine("improve", "update", soon, "--due", "2096-01-01", "--owner", "zhao", "--kind", "handbook", "--text", "先做", "--as", "zhou")
    row = engine.json("improve", "show", soon)
    assert (row["owner"], row["kind"], row["due"]) == ("zhao", "handbook", "2096-01-01T15:59:00+00:00")
    assert "先做" in engine("ticket", "show", soon).stdout
    engine("ticket", "resolve", soon, "--text", "done", "--as", "zhao")
    assert soon not in [one["number"] for one in engine.json("improve", "list")]
    assert soon in [one["number"] for one in engine.json("improve", "list", "--all")]


def test_what_a_measure_lacks_is_said(engine: Command) -> None:
    add = ("improve", "add", "--as", "zhou")
    number = engine.json(*add, "--text", "x", "--queue", "front_desk")["ticket"]
    assert "there is no agent 'nobody'" in engine(*add, "--text", "x", "--owner", "nobody", code=2).stderr
    assert "needs a --text, and an --owner or a --queue" in engine(*add, "--text", "x", code=2).stderr
    assert (
        "there is no ticket 209901010001" in engine(*add, "--text", "x", "--queue", "front_desk", "--source", "209901010001", code=1).stderr
    )
    assert "name it with --kpi" in engine(*add, "--text", "x", "--queue", "front_desk", "--scope", "kind=complaint", code=2).stderr
    update = ("improve", "update", number, "--as", "zhou")
    assert "'kind' is no scope" in engine(*update, "--kpi", "needs_met", "--scope", "kind", code=2).stderr
    assert "is no window" in engine(*update, "--kpi", "needs_met", "--baseline", "2026-01-01", code=2).stderr
    assert "nothing can be verified by 'volume'" in engine(*update, "--kpi", "volume", code=1).stderr
    assert f"measure {number} has no KPI to move" in engine("improve", "verify", number, "--as", "zhou", code=1).stderr
    assert "there is no measure 209901010001" in engine("improve", "show", "209901010001", code=1).stderr


def test_an_outcome_stands_on_the_page(engine: Command) -> None:
    number = engine.mail("o1", "我要投诉安装师傅")
    engine(
        *("ticket", "outcome", number, "--why", "没有预约", "--why", "排班表没更新", "--cause", "process", "--remedy", "当天重装"),
        *("--words", "还行", "--satisfied", "no", "--as", "zhou"),
    )
    page = engine("ticket", "show", number, "--lang", "zh").stdout
    for line in ("原因: 流程", "为什么: 没有预约", "为什么: 排班表没更新", "补救: 当天重装", "客户原话: 还行", "是否满意: 客户仍不满意"):
        assert line in page
    assert engine.json("ticket", "show", number)["outcome"]["satisfied"] is False


def test_feedback_is_entered_by_hand_and_from_a_file_and_counted_once(engine: Command, tmp_path: Path) -> None:
    add = ("feedback", "add", "--source", "review", "--text", "送货快", "--day", "2026-03-04", "--as", "zhou")
    assert engine(*add, "--score", "4.5", "--scale", "1-5").stdout == "1 feedback records kept; 0 were kept already.\n"
    assert engine(*add, "--score", "4.5", "--scale", "1-5").stdout == "0 feedback records kept; 1 were kept already.\n"
    file = tmp_path / "said.csv"
    file.write_bytes("day,source,text,customer\n2026-03-05,interview,等太久,C000001\n2026-03-06,social_media,点赞,\n".encode("gb18030"))
    engine.mail("f1", "请问发票怎么开")
    assert engine("feedback", "import", str(file), "--as", "zhou", "--lang", "zh").stdout == "已登记 2 条反馈,0 条此前已登记。\n"
    rows = engine.json("feedback", "list", "--from", "2026-03-05")
    assert [(row["day"], row["source"], row["text"], row["customer"]) for row in rows] == [
        ("2026-03-05", "interview", "等太久", "C000001"),
        ("2026-03-06", "social_media", "点赞", None),
    ]
    text = engine("feedback", "list", "--source", "review", "--lang", "zh").stdout
    assert "点评" in text
    assert "4.5 (1-5)" in text
    assert engine("feedback", "list", "--from", "2030-01-01").stdout == "There is nothing to show.\n"


def test_what_is_wrong_with_feedback_is_said_whole_and_nothing_is_kept(engine: Command, tmp_path: Path) -> None:
    file = tmp_path / "wrong.csv"
    lines = [
        "day,source,text,score,scale,customer",
        "2026-04-01,review,fine,,,",
        "2026-04-31,review,x,,,",
        "2026-04-01,rumour,x,,,",
        "2026-04-01,review, ,,,",
        "2026-04-01,review,x,4,,",
        "2026-04-01,review,x,6,1-5,",
        "2026-04-01,review,x,six,1-5,",
        "2026-04-01,review,x,4,5-1,",
        "2026-04-01,review,x,,,ann@example.test",
    ]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    said = engine("feedback", "import", str(file), "--as", "zhou", code=2).stderr
    for part in ("2: '2026-04-31' is no day", "3: there is no source", "4: it says nothing", "5: a score and its scale come together"):
        assert f"record {part}" in said
    for part in ("6: the score 6 is not on the scale", "7: 'six' is no score", "8: '5-1' is no scale", "9: there is no customer"):
        assert f"record {part}" in said
    assert engine.json("feedback", "list", "--from", "2026-04-01") == []
    file.write_text("when,what\n1,2\n", encoding="utf-8")
    assert "the first three are needed; the header is: when, what" in engine("feedback", "import", str(file), "--as", "zhou", code=2).stderr
    file.write_text("day,source,text\n2026-04-01,review,x,y,z\n", encoding="utf-8")
    assert "more fields than the header" in engine("feedback", "import", str(file), "--as", "zhou", code=2).stderr
    file.write_text('day,source,text\n2026-04-01,review,"x\n', encoding="utf-8")
    assert "nothing was kept" in engine("feedback", "import", str(file), "--as", "zhou", code=2).stderr
    assert "is no day" in engine("feedback", "list", "--to", "soon", code=2).stderr
