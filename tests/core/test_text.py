import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.core.text import compatible, language_of, mask, normalise

any_text = st.text(st.characters(codec=None), max_size=200)


@given(any_text)
def test_normalising_is_idempotent_and_compatible_text_only_differs_in_case(text: str) -> None:
    once = normalise(text)
    assert normalise(once) == once
    assert compatible(compatible(text)) == compatible(text)
    assert normalise(compatible(text)) == once
    once.encode()  # no lone surrogate is left to break what comes after


@given(st.text(st.characters(categories=["L", "N", "Po", "Zs"], max_codepoint=0xFFFF), max_size=30))
def test_the_compatible_form_is_nfkc_but_for_apostrophes_and_spaces(text: str) -> None:
    def loose(value: str) -> str:
        return " ".join(unicodedata.normalize("NFKC", value).split())

    if not set(text) & set("\u02bc\u0149'＇"):
        assert loose(compatible(text)) == loose(text)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ＡＢＣ１２３！", "abc123!"),
        ("Straße", "strasse"),
        ("it’s", "it's"),
        ("a\r\nb\rc\u2028d", "a\nb\nc\nd"),
        ("a \t\u3000b", "a b"),
        ("so\u00adft\ufeff", "soft"),
        ("\ud83d", "\ufffd"),
        ("ﬁ①", "fi1"),
    ],
)
def test_normal_form(text: str, expected: str) -> None:
    assert normalise(text) == expected


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("系统宕机了", "zh"),
        ("iPhone 14 Pro Max 坏了", "zh"),
        ("打不开 https://shop.example.test/cart?item=42", "zh"),
        ("The system is down", "en"),
        ("ＨＥＬＰ", "en"),
        ("システムがダウンしました", "fr"),
        ("시스템이 다운되었습니다 help", "fr"),
        ("138 0013 8000", "fr"),
        ("", "fr"),
        ("Привет", "fr"),
        ("𠮷", "zh"),
    ],
)
def test_the_language_of_a_text(text: str, language: str) -> None:
    assert language_of(text, "fr") == language


@pytest.mark.parametrize(
    ("value", "masked"),
    [
        ("13800138000", "138****8000"),
        ("138 0013-8000", "138****8000"),
        ("+8613800138000", "+861******8000"),
        ("4155550123", "41****0123"),
        ("12345678", "****5678"),
        ("1234567", "1****67"),
        ("123456", "1***"),
        ("110101199001011234", "1***"),  # too long for a phone number: an identity card
        ("zhang@example.test", "z***@example.test"),
        ("张敏@example.test", "张***@example.test"),
        ("a@b@example.test", "a***@example.test"),
        ("@example.test", "@***"),
        ("zhang@", "z***"),
        ("写信给 zhang@example.test 谢谢", "写***"),
        ("张敏", "张***"),
        ("", "***"),
        ("\nforged line", "***"),
        ("\x1b[31m@example.test", "***@example.test"),
    ],
)
def test_personal_data_is_masked(value: str, masked: str) -> None:
    assert mask(value) == masked


@given(any_text)
def test_a_mask_shows_nothing_that_could_break_a_line(value: str) -> None:
    assert mask(value).isprintable()


@given(st.text("0123456789", min_size=7, max_size=15))
def test_at_least_four_digits_of_a_number_stay_hidden(number: str) -> None:
    assert mask(number).count("*") >= 4
    assert len(mask(number)) == len(number)
