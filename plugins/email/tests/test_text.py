"""Bytes to text: charsets, encoded words, HTML, flowed lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_email.text import clean, decode, decode_header, html_to_text, one_line, unflow


@pytest.mark.parametrize(
    ("encoding", "label"),
    [
        ("gb2312", "GB2312"),
        ("gbk", "gb2312"),
        ("gb18030", "GBK"),
        ("gb18030", "x-gbk"),
        ("gb18030", "unknown-8bit"),
        ("gb18030", ""),
        ("gb18030", "utf-8"),
        ("utf-8", "gbk"),
        ("utf-8", "us-ascii"),
        ("utf-8", "iso-8859-1"),
        ("utf-8", "zip"),
        ("utf-8", "idna"),
        ("utf-8", "no\x00thing"),
        ("utf-16", "utf-16"),
        ("iso2022_jp", "iso-2022-jp"),
    ],
)
def test_chinese_is_read_under_right_and_wrong_labels(encoding, label):
    text = "故障" if encoding == "iso2022_jp" else "系统宕机,无法使用"
    assert decode(text.encode(encoding), label) == text


def test_one_damaged_byte_does_not_change_the_charset():
    raw = bytearray(("您的问题已处理" * 20).encode())
    raw[100] = 0xFF
    assert decode(bytes(raw), "utf-8").startswith("您的问题已处理")


def test_western_text_under_its_own_label():
    assert decode("déjà vu – “ok”".encode("cp1252"), "iso-8859-1") == "déjà vu – “ok”"


@given(st.binary(max_size=300), st.text(max_size=20))
def test_decoding_never_raises_and_never_gives_surrogates(raw, label):
    decode(raw, label).encode("utf-8")


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("=?gb2312?B?" + "xOO6w w==".replace(" ", "") + "?=", "你好"),
        ("=?utf-8?Q?=E4=BD=A0_=E5=A5=BD?=", "你 好"),
        ("Re: =?UTF-8?B?5L2g5aW9?= [#abc]", "Re: 你好 [#abc]"),
        ("=?utf-8?B?5L2g?=\r\n =?utf-8?B?5aW9?=", "你好"),
        ("=?utf-8?B?5L2g5Q?= =?utf-8?B?pb0=?=", "你好"),
        ("=?utf-8*zh?B?5L2g?= =?gbk?B?usM=?=", "你好"),
        ("=?utf-8?B?5L2g5aW9", "=?utf-8?B?5L2g5aW9"),
        ("=?nonsense?B?5L2g5aW9?=", "你好"),
        ("=?utf-8?B?A?=", ""),
        ("=?utf-8?Q?a=ZZ?=", "a=ZZ"),
        ("two  spaces\tand\r\n\tfolds", "two spaces and folds"),
    ],
)
def test_encoded_words_as_mail_writes_them(value, expected):
    assert decode_header(value) == expected


def test_raw_bytes_in_a_header_are_decoded():
    assert decode_header("打印机".encode("gbk").decode("ascii", "surrogateescape")) == "打印机"


@given(st.text(max_size=200))
def test_a_header_becomes_one_clean_line(value):
    line = one_line(value)
    assert line == clean(line)
    assert not set(line) & set("\r\n\x00\x0b\x85\u2028\u2029")


def test_html_shows_what_a_reader_sees():
    page = """<html><head><title>t</title><style>p{color:red}</style></head><body><script>alert(1)</script>
      <p>Dear&nbsp;sir</p><p style="display:none">hidden</p><ul><li>one<li>two</ul>
      <table><tr><td>speed</td><td>5</td></tr></table><a href="https://x.example">here</a></body></html>"""
    text = html_to_text(page)
    assert [line.strip() for line in text.split("\n") if line.strip()] == ["Dear sir", "* one", "* two", "speed  5", "here"]


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        ("<div>" * 400 + "<style>x</style>deep<script>y</script> &amp; on", "deep & on"),
        ("<div>" * 400 + "before<style>never closed", "before"),
        ("<?xml version='1.0' encoding='gbk'?><p>你好</p>", "你好"),
        ("<!-- only a comment -->", ""),
        ("", ""),
    ],
    ids=["deep", "unclosed", "declaration", "comment", "empty"],
)
def test_html_that_is_broken_still_gives_its_text(page, expected):
    assert " ".join(html_to_text(page).split()) == expected


@given(st.lists(st.one_of(st.text(max_size=10), st.sampled_from(["<", "</", "<table>", "<td>", "<style>", "<!--", "&#0;", "&#xd800;"]))))
def test_no_markup_raises(pieces):
    html_to_text("".join(pieces)).encode("utf-8")


def test_flowed_lines_are_joined_and_quotes_are_not():
    text = "the pump \nleaks\n> quoted \nnew\n From space-stuffed\n-- \nme"
    assert unflow(text, delete_space=False) == "the pump leaks\n> quoted \nnew\nFrom space-stuffed\n-- \nme"
    assert unflow("无法 \n使用", delete_space=True) == "无法使用"
