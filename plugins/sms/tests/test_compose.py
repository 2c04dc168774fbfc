"""From the engine's message to what goes on the air."""

import pytest

from engine.channels import Attachment, Outbound, PermanentFailure
from engine_sms.compose import compose, masked
from engine_sms.segmentation import Encoding
from engine_sms.settings import Settings


def test_the_signature_comes_first_and_counts():
    signed = compose(_message("汉" * 65), _settings(signature="【某公司】"))
    assert signed.text == "【某公司】" + "汉" * 65
    assert len(signed.segments.parts) == 1
    assert len(compose(_message("汉" * 66), _settings(signature="【某公司】")).segments.parts) == 2


def test_a_text_that_brings_the_signature_is_not_signed_twice():
    assert compose(_message("【某公司】您好"), _settings(signature="【某公司】")).text == "【某公司】您好"


@pytest.mark.parametrize(
    ("language", "expected"), [("zh", "【某公司】"), ("zh-CN", "【某公司】"), ("en", "[Acme] "), ("fr", "【某公司】"), ("", "【某公司】")]
)
def test_the_signature_follows_the_language_and_falls_back_to_the_first(language, expected):
    settings = _settings(signature={"zh": "【某公司】", "en": "[Acme] "})
    assert compose(_message("x", language=language), settings).text == f"{expected}x"


def test_an_english_signature_keeps_a_text_in_seven_bits():
    assert compose(_message("x"), _settings(signature="[Acme] ")).segments.encoding is Encoding.GSM7


@pytest.mark.parametrize(
    ("plus", "to", "expected"), [(False, "+8613800138000", "8613800138000"), (True, "8613800138000", "+8613800138000")]
)
def test_the_plus_is_as_the_carrier_wants_it(plus, to, expected):
    assert compose(_message("x", to=to), _settings(plus=plus)).to == expected


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"to": "li@example.test"}, "not a telephone number"),
        ({"to": "+86138\r\n10086"}, "not a telephone number"),
        ({"to": "8613800138000,10086"}, "not a telephone number"),
        ({"to": "١٢٣٤"}, "not a telephone number"),
        ({"text": " \n"}, "text is empty"),
        ({"text": "\x00\x07"}, "text is empty"),
        ({"text": "\ud83d"}, "half a character at position 0"),
        ({"text": "汉" * 671}, "takes 11 parts, max_parts is 10"),
        ({"attachments": (Attachment("a.txt", "text/plain", b"x"),)}, "cannot carry attachments"),
    ],
)
def test_what_sms_cannot_carry_is_refused_for_good(fields, reason):
    with pytest.raises(PermanentFailure, match=reason):
        compose(Outbound(**({"message_id": "m1", "to": "+8613800138000", "text": "x"} | fields)), _settings())


def test_control_characters_do_not_travel():
    assert compose(_message("a\x00b\x1b[31mc\x7f\nd"), _settings()).text == "ab[31mc\nd"


@pytest.mark.parametrize(("number", "shown"), [("+8613800138000", "+86***00"), ("10086", "***"), ("", "***")])
def test_a_masked_number_cannot_be_called(number, shown):
    assert masked(number) == shown


def _message(text, to="+8613800138000", language=""):
    return Outbound(message_id="m1", to=to, text=text, language=language)


def _settings(**settings):
    return Settings.parse(settings)
