"""What diagnostics say is English by itself, and knows how it was made."""

from engine.policy.said import said, translated


def test_a_text_is_its_english_form_and_keeps_template_and_values() -> None:
    text = said("there is no {what} `{name}`", what="queue", name="vip")
    assert text == "there is no queue `vip`"
    assert (text.template, dict(text.values)) == ("there is no {what} `{name}`", {"what": "queue", "name": "vip"})


def test_what_the_catalogue_lacks_stays_english() -> None:
    nested = said("known: {names}", names=said("{count} of them", count=3))
    assert translated(nested, "zh") == translated(nested, "en") == "known: 3 of them"
    assert translated("nobody ever said so", "zh") == "nobody ever said so"
