"""How texts are cut into parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_sms import gsm7
from engine_sms.segmentation import Encoding, concatenation_header, encode_part, segment, utf16_units

CHARACTERS = st.characters(exclude_categories=["Cs"])
MIXED = st.text(st.one_of(CHARACTERS, st.sampled_from("aZ 1€[]{}é£üÇ汉字😀𠮷")), max_size=800)
GSM_TEXT = st.text(st.sampled_from(gsm7.DEFAULT_TABLE.replace("\x1b", "") + "".join(gsm7.EXTENSION_TABLE.values())), max_size=800)


@pytest.mark.parametrize(
    ("text", "encoding", "parts"),
    [
        ("", Encoding.GSM7, 1),
        ("a" * 160, Encoding.GSM7, 1),
        ("a" * 161, Encoding.GSM7, 2),
        ("a" * 306, Encoding.GSM7, 2),
        ("a" * 307, Encoding.GSM7, 3),
        ("€" * 80, Encoding.GSM7, 1),
        ("€" * 81, Encoding.GSM7, 2),
        ("£éüàÑ@_" * 22, Encoding.GSM7, 1),
        ("ç", Encoding.UCS2, 1),
        ("汉" * 70, Encoding.UCS2, 1),
        ("汉" * 71, Encoding.UCS2, 2),
        ("汉" * 134, Encoding.UCS2, 2),
        ("汉" * 135, Encoding.UCS2, 3),
        ("😀" * 35, Encoding.UCS2, 1),
        ("😀" * 36, Encoding.UCS2, 2),
        ("😀" * 67, Encoding.UCS2, 3),
        ("a" * 69 + "汉", Encoding.UCS2, 1),
    ],
)
def test_parts_are_counted_by_the_standard(text, encoding, parts):
    segments = segment(text)
    assert (segments.encoding, len(segments.parts)) == (encoding, parts)


def test_an_extension_character_is_not_split_between_two_parts():
    segments = segment("a" * 152 + "€" + "b" * 20)
    assert [part[-1] for part in segments.parts] == ["a", "b"]
    assert segments.parts[1].startswith("€")


def test_a_surrogate_pair_is_not_split_between_two_parts():
    segments = segment("汉" * 66 + "😀" + "字" * 20)
    assert segments.parts[0] == "汉" * 66
    assert segments.parts[1].startswith("😀")


@given(MIXED)
def test_parts_joined_are_the_text_and_each_part_fits(text):
    segments = segment(text)
    assert "".join(segments.parts) == text
    sizes = [sum(map(_cost(segments.encoding), part)) for part in segments.parts]
    if len(segments.parts) == 1:
        assert sizes[0] <= (160 if segments.encoding is Encoding.GSM7 else 70)
        return
    limit = 153 if segments.encoding is Encoding.GSM7 else 67
    assert sum(sizes) > (160 if segments.encoding is Encoding.GSM7 else 70), "cut though it fits in one part"
    assert all(limit - 1 <= size <= limit for size in sizes[:-1]), "a part is only left short where a character would be split"
    assert 0 < sizes[-1] <= limit
    for part in segments.parts:
        octets = len(encode_part(part, segments.encoding, "gsm-7"))
        assert 6 + (octets if segments.encoding is Encoding.UCS2 else -(-octets * 7 // 8)) <= 140, "more than 140 octets on the air"


@given(GSM_TEXT)
def test_gsm_text_survives_its_octets(text):
    assert segment(text).encoding is Encoding.GSM7
    assert gsm7.decode(gsm7.encode(text)) == text


@given(st.binary(max_size=200))
def test_any_octets_decode_or_are_refused(octets):
    try:
        text = gsm7.decode(octets)
    except ValueError:
        assert max(octets) > 0x7F or octets.endswith(b"\x1b")
        return
    assert "\x1b" not in text


def test_text_that_the_carriers_default_alphabet_lacks_goes_as_ucs2():
    assert segment("£ é", "latin-1").encoding is Encoding.GSM7
    assert segment("€", "latin-1").encoding is Encoding.UCS2
    assert segment("é", "ascii").encoding is Encoding.UCS2
    assert encode_part("£", Encoding.GSM7, "latin-1") == b"\xa3"
    assert encode_part("£", Encoding.GSM7, "gsm-7") == b"\x01"


def test_a_part_sent_again_carries_the_same_reference():
    first, again, other = (concatenation_header("m1", 3, 1), concatenation_header("m1", 3, 2), concatenation_header("m2", 3, 1))
    assert first[:5] == again[:5]
    assert first[:3] == b"\x05\x00\x03"
    assert (first[4], first[5], again[5]) == (3, 1, 2)
    assert other[3] != first[3]


def _cost(encoding):
    return gsm7.septets if encoding is Encoding.GSM7 else utf16_units
