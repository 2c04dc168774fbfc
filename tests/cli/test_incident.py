"""`engine incident`: opened, told of and ended in one place."""

from tests.cli.conftest import Command


def test_an_incident_from_its_opening_to_its_end(engine: Command) -> None:
    first, second = engine.mail("i1", "请问发票怎么开"), engine.mail("i2", "what are your opening hours")
    opened = engine.json("incident", "open", first, "--title", "支付故障", "--as", "qian")
    number = opened["incident"]
    assert opened == {"incident": number, "joined": [first], "refused": {}}
    assert engine("incident", "add", number, second, "--as", "qian").stdout == f"{number}  + 1\n"
    assert engine.json("incident", "update", number, "--text", "正在更换设备。", "--as", "qian")["events"] == ["incident_updated"]
    engine.later(seconds=1)
    shown = engine.json("incident", "show", number)
    assert (shown["title"], shown["news"], shown["tickets"], shown["tier"]) == ("支付故障", "正在更换设备。", 2, "urgent")
    assert [one["told"] for one in shown["members"]] == [["promise", "incident_opened", "incident_update"], ["promise"]]  # one customer
    text = engine("incident", "show", number).stdout
    assert "正在更换设备。" in text
    assert first in text
    page = engine("ticket", "show", first).stdout
    assert f"incident: {number}" in page
    assert f"put into incident {number} by 钱伟" in page
    assert "正在更换设备。" in page
    assert f"joins incident {number}" in engine("explain", first).stdout or f"incident {number}" in engine("explain", first).stdout
    assert engine.json("incident", "remove", second, "--as", "qian")["events"][0] == "left_incident"
    assert engine.json("incident", "recover", number, "--text", "已恢复。", "--as", "qian")["state"] == "closed"
    engine.later(seconds=2)
    assert engine.json("ticket", "show", first)["state"] == "resolved"
    assert engine.json("incident", "list") == []
    assert engine("incident", "list").stdout == "There is nothing to show.\n"
    assert [row["number"] for row in engine.json("incident", "list", "--all")] == [number]
    assert "支付故障" in engine("incident", "list", "--all", "--lang", "zh").stdout


def test_what_cannot_be_done_is_said(engine: Command) -> None:
    number = engine.mail("r1", "请问发票怎么开")
    said = engine("incident", "open", "209901010001", "--title", "误报", "--as", "qian", code=1)
    assert said.stderr == "engine: there is no ticket 209901010001\n"
    [found] = engine.json("incident", "list")
    for verb in (("add", number, number), ("update", number, "--text", "x"), ("show", number)):
        actor = () if verb[0] == "show" else ("--as", "qian")
        assert f"there is no incident {number}" in engine("incident", *verb, *actor, code=1).stderr
    assert "an incident needs a --title" in engine("incident", "open", "--title", " ", "--as", "qian", code=2).stderr
    assert "--queue that there is" in engine("incident", "open", "--title", "x", "--queue", "nowhere", "--as", "qian", code=2).stderr
    assert engine.json("incident", "cancel", found["number"], "--text", "误报", "--as", "qian")["state"] == "closed"
