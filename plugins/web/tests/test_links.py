"""Links of a mail are followed knowingly: what is shown as host is where a browser goes, and what may be read otherwise is left out."""

import re
import unicodedata
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine_web.cleaning import cleaned, links_apart, links_of
from engine_web.links import LONGEST, LONGEST_NAME, MOST, fit, read
from tests.support.mails import mailed
from tests.support.website import Website

EN = {"accept-language": "en"}


@pytest.mark.parametrize(
    ("written", "address", "host", "spelled"),
    [
        ("https://a.test/?a=1&b=2#c", "https://a.test/?a=1&b=2#c", "a.test", ""),
        (" HTTP://A.test:8080/x y\n", "http://a.test:8080/x%20y", "a.test", ""),
        ("https://bank.test:secret@evil.test/", "https://bank.test:secret@evil.test/", "evil.test", ""),
        ("https://bank.test%2f@evil.test", "https://bank.test%2f@evil.test", "evil.test", ""),
        ("https://@evil.test", "https://@evil.test", "evil.test", ""),
        ("http://\u0430pple.test/", "http://xn--pple-43d.test/", "xn--pple-43d.test", "\u0430pple.test"),
        ("http://xn--pple-43d.test/", "http://xn--pple-43d.test/", "xn--pple-43d.test", "\u0430pple.test"),
        ("http://例子.测试/路", "http://xn--fsqu00a.xn--0zwm56d/%E8%B7%AF", "xn--fsqu00a.xn--0zwm56d", "例子.测试"),
        ("http://ｅvil。test/", "http://evil.test/", "evil.test", ""),
        ("http://a.test/\u202egpj.exe", "http://a.test/%E2%80%AEgpj.exe", "a.test", ""),
        ('http://a.test/"><script>', "http://a.test/%22%3E%3Cscript%3E", "a.test", ""),
        ("http://a.test/\x00\x1b[31m", "http://a.test/%00%1B[31m", "a.test", ""),
        ("http://my_host.r3---sn.test.", "http://my_host.r3---sn.test.", "my_host.r3---sn.test.", ""),
        ("http://xn--zzzz/", "http://xn--zzzz/", "xn--zzzz", ""),
        ("http://127.0.0.1/a", "http://127.0.0.1/a", "127.0.0.1", ""),
        ("http://[::1]:80/", "http://[::1]:80/", "[::1]", ""),
        ("mailto:lan@customer.test?bcc=x@evil.test&attach=/etc/passwd", "mailto:lan@customer.test", "customer.test", ""),
    ],
)
def test_an_address_is_written_anew_with_its_host_apart(written: str, address: str, host: str, spelled: str) -> None:
    link = read(written, "here")
    assert link
    assert (link.address, link.host, link.spelled, link.name) == (address, host, spelled, "here")


@pytest.mark.parametrize(
    "written",
    [
        "", "javascript:alert(1)", "java\tscript:alert(1)", "\x01javascript:alert(1)", "data:text/html,<script>", "vbscript:x", "file:///etc/passwd",
        "tel:12345678", "//a.test", "/console", "https:evil.test", "https:/evil.test", "https:///evil.test", "https://", "https://?a.test",
        "http://bank.test\\@evil.test/", "http://bank.test%2fevil.test/", "http://b ank.test", "http://a\u202eb.test", "http://a\u200bb.test\x00",
        "http://a..test", "http://-a.test", "http://0x7f.1", "http://2130706433", "http://0177.0.0.1", "http://a.123",
        "http://[::1", "http://[1.2.3.4]/", f"http://{'a' * 64}.test", f"http://{'a.' * 150}test", f"http://a.test/{'x' * LONGEST}",
        "mailto:", "mailto:a@b.test,c@evil.test", "mailto:a b@c.test", "mailto:a@b@evil.test",
    ],
)  # fmt: skip
def test_what_a_browser_might_read_otherwise_than_it_looks_is_left_out(written: str) -> None:
    assert read(written, "x") is None
    assert fit([(written, "x")]) == ([], 1)


PIECES = st.sampled_from(
    ["http://", "https://", "HTTPS:", "mailto:", "a.test", "evil.test", "@", ":", "/", "\\", "?", "#", "%2f", "%00", ".", "。", "xn--", "[",
     "]", "\u202e", "\u200d", "\u0430", "你", " ", "\t", "\x00", "\xad", "0x7f", "1", '"', "<", "'", "\ufeff"]
)  # fmt: skip


SEEN = st.text(max_size=300) | st.text(st.characters(categories=["Cf", "Cc", "Co", "Cn", "Zs", "Zl"]), max_size=9)


@given(st.lists(PIECES | st.characters(exclude_categories=["Cs"]), max_size=12).map("".join), SEEN)
def test_whatever_is_written_no_link_goes_elsewhere_than_its_host_or_shows_what_cannot_be_seen(written: str, name: str) -> None:
    if link := read(written, name):
        assert link.address.isascii()
        assert re.fullmatch(r"[!-~]+", link.address)
        assert not set(link.address) & set('"<>\\`')
        assert len(link.name) <= LONGEST_NAME
        assert not {unicodedata.category(sign) for sign in link.name} & {"Cc", "Cf", "Cs", "Zl", "Zp"}
        assert link.spelled.isprintable()
        parts = urlsplit(link.address)
        assert parts.scheme in ("http", "https", "mailto")
        host = parts.path.rpartition("@")[2] if parts.scheme == "mailto" else f"[{parts.hostname}]" if "[" in link.host else parts.hostname
        assert host == link.host


def test_each_address_is_listed_once_by_its_first_name_and_so_many_at_most() -> None:
    found = [(f"http://{nth}.test/", "x") for nth in range(MOST + 7)]
    shown, others = fit([("http://a.test", ""), ("http://a.test", "the shop"), ("http://a.test", "your bank"), ("tel:1", "call"), *found])
    assert (shown[0].name, len(shown), others) == ("the shop", MOST, 9)
    [long], _ = fit([("http://a.test", " a\n\u202eb \t" + "名" * 500)])
    assert long.name == f"a b {'名' * (LONGEST_NAME - 5)}…"


def test_links_are_those_that_cleaning_leaves_with_what_stands_there_for_them() -> None:
    markup = (
        '<a href="https://a.test/?a=1&amp;b=2"><b>The</b> <i>shop</i></a> aside <a href="javascript:x">no</a><a name=x>no</a>'
        '<a href=" https://b.test"><img src=https://c.test/x.png alt="Logo"></a><a href=https://d.test>one<a href=https://e.test>two'
    )
    assert links_apart(markup) == [tuple(one) for one in links_of(cleaned(markup))]
    assert [(address, " ".join(name.split())) for address, name in links_apart(markup)] == [
        ("https://a.test/?a=1&b=2", "The shop"),
        ("https://b.test", "Logo"),
        ("https://d.test", "one"),
        ("https://e.test", "two"),
    ]


@pytest.mark.parametrize(("language", "title", "more"), [("en", "Links of this message", "1 more"), ("zh-CN", "邮件里的链接", "1个链接")])
def test_links_of_a_mail_are_listed_to_whoever_may_see_its_ticket(shared_site: Website, language: str, title: str, more: str) -> None:
    markup = "<a href='http://bank.test@evil.test/?a=1&amp;b=\u202e'>&lt;i&gt;您的银行</a><a href=https:evil.test>x</a><a href='http://\u0430.test'>y</a>"
    number, address = mailed(shared_site, markup, f"lan-{language}@customer.test")
    agent, path = shared_site.client_of("qian"), f"{address}/links"
    assert (
        f'<p data-inlined><a href="{path}">{title}</a></p>'
        in agent.get(f"/console/tickets/{number}", headers={"accept-language": language}).text
    )
    page = agent.get(path, headers={"accept-language": language})
    assert re.findall(r"<bdi class=\"called\">([^/]*)</bdi> (<a .*</a>)", page.text) == [
        (
            "&lt;i&gt;您的银行",
            '<a href="http://bank.test@evil.test/?a=1&amp;b=%E2%80%AE" target="_blank" rel="noopener noreferrer nofollow"'
            ' referrerpolicy="no-referrer">http://bank.test@<strong>evil.test</strong>/?a=1&amp;b=%E2%80%AE</a>',
        ),
        (
            "y",
            '<a href="http://xn--80a.test" target="_blank" rel="noopener noreferrer nofollow"'
            ' referrerpolicy="no-referrer">http://<strong>xn--80a.test</strong></a>',
        ),
    ]
    assert "<bdi>\u0430.test</bdi>" in page.text
    assert more in page.text
    with shared_site.engine.store.read() as reader:
        assert [row.who for row in reader.audits() if row.about == number] == ["qian"] * 2
    assert shared_site.client_of("lin").get(path).status_code == 403
    assert shared_site.client.get(path).status_code == 303
    assert agent.get(path.replace(number, shared_site.take(sender=f"bai-{language}@customer.test"))).status_code == 404


def test_a_mail_without_links_says_so_and_one_that_takes_too_long_that_it_does(
    shared_site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, address = mailed(shared_site, "<b>x</b>", "none@customer.test")
    assert "no links" in shared_site.client_of("qian").get(f"{address}/links", headers=EN).text
    monkeypatch.setattr("engine_web.cleaning.SECONDS", 0)
    answer = shared_site.client_of("qian").get(f"{address}/links", headers=EN)
    assert (answer.status_code, "too complicated" in answer.text) == (422, True)
