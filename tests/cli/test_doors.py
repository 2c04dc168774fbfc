"""What comes in by hand, what waits, what is configured: the verbs around the tickets."""

import json
import re
from typing import Any

from tests.cli.conftest import MAIL, Command
from tests.real.webhook_receivers import Receiver


def test_init_refuses_a_directory_that_holds_a_project(engine: Command) -> None:
    before = (engine.root / "engine.yaml").read_bytes()
    assert "already" in engine("init", ".", code=1).stderr
    assert (engine.root / "engine.yaml").read_bytes() == before


def test_a_fresh_project_is_sound_and_sends_nothing(engine: Command) -> None:
    assert "sound" in engine("validate").stdout
    assert json.loads(engine("validate", "--format", "json", "--strict").stdout) == []
    status = engine.json("status")
    assert (status["outbound"], status["alarms"]) == ("hold", [])
    assert {row["name"] for row in engine.json("channel", "list")} == {"email", "sms", "phone_log"}


def test_a_file_is_taken_in_once_and_what_is_not_understood_is_said(engine: Command) -> None:
    path = engine.root / "one.eml"
    path.write_text(MAIL.format(id="once", subject="question", text="when do you open?"), encoding="utf-8")
    (first,) = engine.json("ingest", "email", str(path))
    (second,) = engine.json("ingest", "email", str(path))
    assert (first["result"], second["result"], second["ticket"]) == ("ticket", "duplicate", first["ticket"])
    done = engine("ingest", "sms", "-", stdin='{"nonsense"', code=1)
    assert "not understood" in done.stdout
    assert "there are email" in engine("ingest", "fax", str(path), code=1).stderr


def test_a_message_that_opens_nothing_says_why(engine: Command) -> None:
    (led,) = engine.json("ingest", "email", "-", stdin=MAIL.format(id="empty", subject="", text=""))
    assert (led["result"], "empty" in led["reason"]) == ("nothing", True)


def test_messages_are_held_and_can_be_read(engine: Command) -> None:
    number = engine.mail("held", "the printer is broken")
    rows = engine.json("outbox", "list", "--ticket", number)
    assert {row["state"] for row in rows} == {"held"}
    promise = next(row for row in rows if row["party"] == "customer")
    assert number in engine("outbox", "show", promise["id"]).stdout
    assert "`hold`" in engine("outbox", "release", code=1).stderr


def test_what_was_set_aside_is_listed_and_tried_again(engine: Command) -> None:
    from engine.runtime.clock import SystemClock
    from engine.store import open_store

    now = SystemClock().now()
    store = open_store("sqlite:///var/engine.db", engine.root)
    with store.write() as tx:
        tx.accept("email", "broken", now, "{}", b"raw \x00\xff")
        (row,) = [row for row in tx.pending_inbox(now, 100) if row.source_id == "broken"]
        tx.inbox_failed(row.id, "no such thing", None)
    store.close()
    (dead,) = engine.json("dead", "list")
    assert (dead["kind"], dead["id"], dead["error"]) == ("inbox", str(row.id), "no such thing")
    assert engine.json("status")["alarms"] != []
    engine("dead", "requeue", "inbox", dead["id"])
    assert engine.json("dead", "list") == []
    assert "not set aside" in engine("inbox", "requeue", dead["id"], code=1).stderr


def test_a_call_is_registered_through_the_same_door_with_the_promise_to_read_aloud(engine: Command) -> None:
    done = engine.json(
        *("phone", "log", "--as", "zhao", "--phone", "138 0013 8000", "--name", "王芳", "--kind", "complaint"),
        *("--text", "收银系统出错", "--background", "今早开始", "--wish", "今天恢复", "--talk-seconds", "60"),
    )
    assert (done["result"], done["tier"]) == ("ticket", "important")
    assert done["ticket"] in done["promise"]
    page = engine.json("ticket", "show", done["ticket"])
    assert (page["kind"], page["wish"], page["text"]) == ("complaint", "今天恢复", "收银系统出错\n今早开始")
    assert page["contact"] == {"name": "王芳", "addresses": {"phone_log": "+8613800138000", "sms": "+8613800138000"}}
    assert {clock["id"]: clock["state"] for clock in page["clocks"]}["response"] == "met"


def test_an_agent_is_led_through_a_call_step_by_step(engine: Command) -> None:
    answers = ["王芳", "13800138001", "y", "没有暖气", "昨天起", "2", "", "尽快", "3"]
    done = engine("phone", "log", "--as", "zhao", "--lang", "zh", stdin="\n".join(answers) + "\n")
    told = done.stdout
    said = [told.index(words) for words in ("我是客服赵敏", "怎么称呼您", "非常理解您的心情", "问题描述", "前给出处理方案", "祝您生活愉快")]
    assert said == sorted(said)
    number = re.findall(r"工单(\d+)", told)[-1]
    page = engine.json("ticket", "show", number)
    assert (page["text"], page["impact"], page["expected_by"]) == ("没有暖气\n昨天起", "degraded", "尽快")


def test_customers_are_imported_whole_or_not_at_all(engine: Command) -> None:
    (engine.root / "bad.csv").write_text("name,phone,email\n赵一,13900000001,\n钱二,,\n", encoding="utf-8")
    assert "line 3" in engine("customer", "import", "bad.csv", code=2).stderr
    (engine.root / "good.csv").write_bytes("name,segment,phone\n赵一,vip,13900000001\n".encode("gb18030"))
    engine("customer", "import", "good.csv")
    found = [row for row in engine.json("customer", "list") if row["name"] == "赵一"]
    assert [(row["segment"], row["addresses"]) for row in found] == [("vip", [["phone", "+8613900000001"]])]


def test_a_channel_proves_that_it_works(engine: Command) -> None:
    assert "✓" in engine("channel", "test", "sms", "13800138000").stdout
    assert "there is no channel" in engine("channel", "test", "fax", code=1).stderr


def test_a_project_is_validated_with_its_deployment(engine: Command) -> None:
    path = engine.root / "engine.yaml"
    sound = path.read_text(encoding="utf-8")
    line = sound[: sound.index("transport: folder            # .eml")].count("\n") + 1
    try:
        path.write_text(sound.replace("transport: folder            # .eml", "transport: pigeon  # .eml"), encoding="utf-8")
        (problem,) = json.loads(engine("validate", "--format", "json", code=1).stdout)
        assert (problem["file"], problem["line"], problem["path"]) == ("engine.yaml", line, "channels.email.transport")
        path.write_text(sound.replace("outbound: hold", "outbound: maybe"), encoding="utf-8")
        assert "engine.yaml:" in engine("validate", code=1).stdout
    finally:
        path.write_text(sound, encoding="utf-8")
    assert "nothing to check" in engine("validate", "var", code=2).stderr


def test_outside_of_a_project_the_way_in_is_named(run: Command) -> None:
    assert "engine init" in run("ticket", "list", code=1).stderr


def test_a_channel_of_endpoints_is_listed_proven_and_takes_nothing_in(engine: Command) -> None:
    with Receiver() as receiver:
        settings = f'{{endpoints: {{crm: {{url: "{receiver.url()}", secret: "${{env:CRM_SECRET}}"}}}}}}'
        (engine.root / "engine.yaml").write_text(f"version: 1\nchannels: {{webhook: {settings}}}\n", encoding="utf-8")
        secret: dict[str, Any] = {"CRM_SECRET": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"}
        (row,) = engine.json("channel", "list", **secret)
        assert row == {"name": "webhook", "type": "webhook", "transport": "", "address": "endpoint", "can_send": True}
        assert "endpoint 'crm'" in engine("channel", "test", "webhook", **secret).stdout
        assert (receiver.connections, receiver.posted) == (1, [])
        assert "took a test document" in engine("channel", "test", "webhook", "crm", **secret).stdout
        assert len(receiver.posted) == 1
        assert "did you mean 'crm'?" in engine("channel", "test", "webhook", "crn", code=1, **secret).stderr
        assert "only sends" in engine("ingest", "webhook", "-", stdin="{}", code=1, **secret).stdout
        wrong = engine("channel", "list", code=1, CRM_SECRET="hunter2").stderr
        assert "channel 'webhook': endpoints.crm.secret must be" in wrong
        assert "hunter2" not in wrong
