"""Reading what an SMS centre delivers."""

import pytest
import smpp34
from hypothesis import given
from hypothesis import strategies as st

from engine.channels import Inbound, ReceiptStatus, Rejected
from engine.testing import context
from engine_sms.fragments import Fragment
from engine_sms.ledger import PartReceipt
from engine_sms.settings import Settings
from engine_sms.smpp_channel import SmppChannel
from engine_sms.smpp_pdu import Message, Notice, Unreadable, decode_text, read_deliver_sm
from engine_sms.smpp_session import parse_pdu

RECEIPTED_MESSAGE_ID, MESSAGE_STATE, MESSAGE_PAYLOAD = 0x001E, 0x0427, 0x0424
SAR_REFERENCE, SAR_TOTAL, SAR_PART = 0x020C, 0x020E, 0x020F
RECEIPT_TEXT = b"id:77af sub:001 dlvrd:000 submit date:2603041000 done date:2603041001 stat:%s err:001 text:hello"


@pytest.mark.parametrize(
    ("octets", "data_coding", "alphabet", "text"),
    [
        ("满意😀".encode("utf-16-be"), 8, "gsm-7", "满意😀"),
        (b"\x02 \x1be \x05 @ \x00", 0, "gsm-7", "$ € é ¡ @"),
        (b"$ @", 0, "ascii", "$ @"),
        (b"\xa3 \xe9", 0, "latin-1", "£ é"),
        (b"plain", 1, "gsm-7", "plain"),
        (b"\xa3", 3, "gsm-7", "£"),
        (b"\x00", 0xF0, "gsm-7", "@"),
        (b"Y\x00", 1, "gsm-7", "Y"),
        (b"", 0, "gsm-7", ""),
    ],
)
def test_text_is_decoded_by_its_data_coding(octets, data_coding, alphabet, text):
    assert decode_text(octets, data_coding, alphabet) == text


@pytest.mark.parametrize(
    ("octets", "data_coding", "reason"),
    [
        (b"\x01\x02", 4, "data_coding 4 is not text"),
        (b"\x01\x02", 0xF5, "data_coding 4 is not text"),
        (b"\x00", 8, "the text is not utf-16-be"),
        (b"\xd8\x3d", 8, "the text is not utf-16-be"),
        (b"\xe9", 0, "the text is not gsm-7"),
        (b"\xe9", 1, "the text is not ascii"),
        (b"x", 99, "data_coding 99 is not text"),
    ],
)
def test_what_is_not_the_text_it_claims_to_be_is_unreadable(octets, data_coding, reason):
    with pytest.raises(Unreadable, match=reason):
        decode_text(octets, data_coding, "gsm-7")


def test_a_short_message_is_a_message():
    assert _read(b"Y", esm_class=0) == Message("8613800138000", "10690001", 0, b"Y")


def test_a_long_payload_stands_beside_an_empty_short_message():
    assert _read(b"", tlvs=[smpp34.Tlv(MESSAGE_PAYLOAD, b"x" * 300)]).payload == b"x" * 300


@pytest.mark.parametrize(
    ("header", "place"),
    [
        (b"\x05\x00\x03\x07\x02\x01", (7, 2, 1)),
        (b"\x06\x08\x04\x01\x07\x03\x02", (263, 3, 2)),
        (b"\x08\x24\x01\x01\x00\x03\x09\x02\x02", (9, 2, 2)),
    ],
)
def test_a_part_is_known_by_its_header(header, place):
    part = _read(header + b"text", esm_class=0x40)
    assert isinstance(part, Fragment)
    assert (part.reference, part.total, part.part, part.payload) == (*place, b"text")


def test_a_part_is_known_by_its_optional_parameters():
    tlvs = [smpp34.Tlv(SAR_REFERENCE, b"\x01\x07"), smpp34.Tlv(SAR_TOTAL, b"\x02"), smpp34.Tlv(SAR_PART, b"\x02")]
    part = _read(b"text", tlvs=tlvs)
    assert isinstance(part, Fragment)
    assert (part.reference, part.total, part.part) == (263, 2, 2)


def test_a_part_of_one_and_a_header_about_something_else_are_whole_messages():
    assert _read(b"\x05\x00\x03\x07\x01\x01Y", esm_class=0x40) == Message("8613800138000", "10690001", 0, b"Y")
    assert _read(b"\x03\x24\x01\x01Y", esm_class=0x40) == Message("8613800138000", "10690001", 0, b"Y")


@pytest.mark.parametrize(
    ("octets", "esm_class", "sender"),
    [
        (b"\x09\x00\x03", 0x40, "1"),
        (b"", 0x40, "1"),
        (b"\x05\x00\x03\x07\x02\x03x", 0x40, "1"),
        (b"\x05\x00\x03\x07\x02\x00x", 0x40, "1"),
        (b"Y", 0, ""),
        (b"Y", 0, "1\n2"),
        (b"no id here", 0x04, "1"),
    ],
)
def test_what_contradicts_itself_is_unreadable(octets, esm_class, sender):
    with pytest.raises(Unreadable):
        _read(octets, esm_class=esm_class, sender=sender)


@pytest.mark.parametrize(
    ("state", "status", "permanent"),
    [
        ("DELIVRD", ReceiptStatus.DELIVERED, True),
        ("UNDELIV", ReceiptStatus.FAILED, True),
        ("REJECTD", ReceiptStatus.FAILED, True),
        ("DELETED", ReceiptStatus.FAILED, True),
        ("EXPIRED", ReceiptStatus.FAILED, False),
    ],
)
def test_a_receipt_tells_the_final_state(state, status, permanent):
    receipt = _read(RECEIPT_TEXT % state.encode(), esm_class=0x04)
    assert receipt == PartReceipt("77af", status, f"{state} err:001", permanent)


@pytest.mark.parametrize("state", ["ACCEPTD", "ENROUTE", "UNKNOWN"])
def test_a_state_on_the_way_is_only_a_notice(state):
    assert _read(RECEIPT_TEXT % state.encode(), esm_class=0x04) == Notice()
    assert _read(b"", esm_class=0x20) == Notice()


def test_a_receipt_without_text_speaks_by_its_optional_parameters():
    tlvs = [smpp34.Tlv(RECEIPTED_MESSAGE_ID, b"77af\x00"), smpp34.Tlv(MESSAGE_STATE, b"\x05")]
    assert _read(b"", esm_class=0x04, tlvs=tlvs) == PartReceipt("77af", ReceiptStatus.FAILED, "UNDELIV", True)


def test_an_id_in_the_text_goes_before_one_the_centre_forgot_to_terminate():
    receipt = _read(RECEIPT_TEXT % b"DELIVRD", esm_class=0x04, tlvs=[smpp34.Tlv(RECEIPTED_MESSAGE_ID, b"77af")])
    assert receipt.carrier_id == "77af"


def test_optional_parameters_of_the_vendor_are_passed_over():
    assert _read(b"Y", tlvs=[smpp34.Tlv(0x1401, b"vendor")]).payload == b"Y"


@given(
    st.binary(max_size=254),
    st.integers(0, 255),
    st.integers(0, 255),
    st.lists(st.builds(smpp34.Tlv, st.integers(0, 0xFFFF), st.binary(max_size=40)), max_size=3),
    st.data(),
)
def test_whatever_a_centre_sends_is_understood_or_set_aside(tmp_path_factory, octets, esm_class, data_coding, tlvs, data):
    settings = Settings.parse({"transport": "smpp", "smpp": {"host": "h", "port": 1, "system_id": "a", "password": "b"}})
    assert settings.smpp is not None
    channel = SmppChannel(settings, settings.smpp, context(tmp_path_factory.getbasetemp()))
    raw = bytearray(smpp34.DeliverSm("1", "2", octets, esm_class=esm_class, data_coding=data_coding, tlvs=tlvs).encode())
    for position in data.draw(st.lists(st.integers(16, len(raw) - 1), max_size=4)):
        raw[position] = data.draw(st.integers(0, 255))
    [item] = channel.parse(bytes(raw), "set-aside.pdu")
    assert isinstance(item, Inbound | Rejected)
    assert [item] == list(channel.parse(bytes(raw), "set-aside.pdu"))


def _read(octets, *, esm_class=0, sender="8613800138000", tlvs=()):
    pdu = parse_pdu(smpp34.DeliverSm(sender, "10690001", octets, esm_class=esm_class, tlvs=list(tlvs)).encode())
    assert pdu is not None
    return read_deliver_sm(pdu)
