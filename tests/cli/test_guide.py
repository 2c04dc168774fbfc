"""`engine phone guide`: the conversations that agents are led through."""

from tests.cli.conftest import Command


def test_the_guides_are_listed_by_their_labels_and_each_shows_its_steps_with_the_words(engine: Command) -> None:
    listed = {guide["id"]: guide["label"] for guide in engine.json("phone", "guide", "--lang", "en")}
    assert listed["complaint_delay"] == "Complaint: delay"
    steps = engine.json("phone", "guide", "follow_up_call", "--as", "li", "--lang", "zh")
    assert [step["label"] for step in steps][:3] == ["低分回访", "安抚情绪", "问题描述"]
    assert [step["if_needed"] for step in steps][:3] == [False, True, False]
    assert "我是明远科技的客服主管李强" in steps[0]["text"]
    assert steps[2]["text"] is None


def test_words_that_speak_of_a_ticket_wait_for_the_ticket(engine: Command) -> None:
    shown = engine("phone", "guide", "phone_intake", "--as", "zhao", "--lang", "en").stdout
    assert "12. The promise (if needed)\n13. Closing the call\n" in shown


def test_a_guide_that_does_not_exist_is_named_beside_those_that_do(engine: Command) -> None:
    refused = engine("phone", "guide", "complaints", code=1)
    assert "no guide 'complaints'; there are phone_intake, follow_up_call" in refused.stderr
