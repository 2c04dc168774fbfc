"""`engine qa`: tickets are drawn, reviewed and scored, by nobody who did the work."""

from tests.cli.conftest import Command

ITEMS = ("greeting", "identity", "calming", "correctness", "closing")


def scored(*points: object) -> list[str]:
    return [word for item, got in zip(ITEMS, points, strict=True) for word in ("--item", f"{item}={got}")]


def test_a_review_from_the_draw_to_the_score(engine: Command) -> None:
    policy = engine.root / "policies" / "quality.yaml"
    policy.write_text(policy.read_text("utf-8").replace("share: 5%", "share: 100%").replace("twice: 20%", "twice: 100%"), "utf-8")
    assert engine("qa", "agreement").stdout == "There is nothing to show.\n"
    numbers = [engine.mail(f"q{n}", "请问营业时间") for n in range(2)]
    for number in numbers:
        engine("ticket", "claim", number, "--as", "zhao")
        engine("ticket", "close", number, "--text", "done", "--as", "zhao")
    drawn = engine.json("qa", "sample", "--seed", "7", "--as", "zhou")
    assert sorted((row["ticket"], row["reviewer"]) for row in drawn) == [(one, who) for one in sorted(numbers) for who in ("li", "zhou")]
    assert {row["agent"] for row in drawn} == {"zhao"}
    assert engine("qa", "sample", "--seed", "7", "--as", "zhou").stdout == "There is nothing to show.\n", "nothing is drawn twice"
    for row, last in zip(drawn, (5, 4, 3, 3), strict=True):
        engine("qa", "score", row["number"], *scored(5, 5, "-", 5, last), "--text", "ok", "--as", row["reviewer"])
    assert engine("qa", "list", "--open").stdout == "There is nothing to show.\n"
    rows = engine.json("qa", "list", "--reviewer", "li")
    assert [row["state"] for row in rows] == ["closed", "closed"]
    first = drawn[0]["number"]
    assert "100.0" in engine("qa", "show", first).stdout
    assert engine.json("qa", "show", first)["points"]["calming"] is None
    assert "100.0" in engine("qa", "list").stdout
    agreed = {row["item"]: row for row in engine.json("qa", "agreement")}
    assert agreed["closing"]["n"] == 2
    assert agreed["greeting"]["kappa"] is None
    assert 0 < agreed["score"]["alpha"] < 1
    assert "Krippendorff's alpha" in engine("qa", "agreement").stdout
    (figure,) = engine.json("kpi", "qa_score", "--by", "agent")["figures"]
    assert (figure["agent"], figure["n"]) == ("zhao", 4)


def test_a_visit_of_a_mystery_shopper_is_scored_as_it_is_entered(engine: Command) -> None:
    visit = ("qa", "visit", "add", "--agent", "qian")
    entered = engine.json(*visit, *scored(4, 0, 5, 5, 5), "--text", "没有核实身份", "--as", "li")
    assert entered["state"] == "closed"
    assert "mystery shopper" in engine("qa", "list").stdout
    assert engine.json("qa", "show", entered["ticket"])["failed"] is True
    assert "failed" in engine("qa", "show", entered["ticket"]).stdout
    assert "qian did this work" in engine(*visit, *scored(5, 5, 5, 5, 5), "--as", "qian", code=1).stderr
    assert (
        "'nobody' is nobody in team.yaml"
        in engine("qa", "visit", "add", "--agent", "nobody", *scored(5, 5, 5, 5, 5), "--as", "li", code=2).stderr
    )


def test_what_is_no_score_and_no_review_is_said(engine: Command) -> None:
    assert "there is no review 209901010001" in engine("qa", "show", "209901010001", code=1).stderr
    for wrong in ("greeting", "greeting=x", "greeting=-1"):
        assert "is no score" in engine("qa", "score", "209901010001", "--item", wrong, "--as", "li", code=2).stderr
    twice = engine("qa", "score", "209901010001", "--item", "greeting=1", "--item", "greeting=2", "--as", "li", code=2)
    assert "ITEM=POINTS once" in twice.stderr
