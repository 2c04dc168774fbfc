"""Mail is shown as it was sent, and nothing that it holds runs, fetches or covers anything."""

import base64
import re

import pytest
from playwright.sync_api import BrowserContext, Dialog, Page, Route

from engine.store.rows import InboxRow
from engine.store.sql.inbox import InboxReads
from engine_web import cleaning
from engine_web.apart import apart
from engine_web.cleaning import TooMuch, cleaned, cleaned_apart
from engine_web.guards import APART
from tests.support.browser import chromium, look
from tests.support.counts import scaled
from tests.support.hostile_mail import AWAY, VECTORS
from tests.support.mails import PNG, mailed
from tests.support.website import Website

EN = {"accept-language": "en"}
DOT = f"data:image/png;base64,{base64.b64encode(PNG).decode()}"


@pytest.mark.parametrize(
    ("written", "kept"),
    [
        ("<p>您好,<b>请尽快</b></p>", "<p>您好,<b>请尽快</b></p>"),
        (
            '<a href=" HTTPS://a.test/?a=1&b=2">x</a>',
            '<a href="HTTPS://a.test/?a=1&amp;b=2" rel="noopener noreferrer" target="_blank">x</a>',
        ),
        (
            "<table width=90%><td bgcolor=#eee colspan=2>1",
            '<table width="90%"><tbody><tr><td bgcolor="#eee" colspan="2">1</td></tr></tbody></table>',
        ),
        ('<font color=red face="宋体">x</font>', '<font color="red" face="宋体">x</font>'),
        ('<p style="color:red;position:fixed">x', '<p style="color:red">x</p>'),
        (f"<img src={DOT} alt=dot>", f'<img src="{DOT}" alt="dot">'),
        ("<img src=https://a.test/x.png alt=logo>", '<img alt="logo">'),
        ("<head><title>t</title><style>p{}</style></head>1 &lt; 2 & 3", "1 &lt; 2 &amp; 3"),
    ],
)
def test_what_a_letter_looks_like_is_kept_and_what_it_could_do_is_not(written: str, kept: str) -> None:
    assert in_order(cleaned(written)) == in_order(kept)


def in_order(markup: str) -> str:
    """Markup with the attributes of each tag in the order of their names."""
    return re.sub(r' [\w-]+="[^<>]*"(?=>)', lambda found: "".join(sorted(re.findall(r' [\w-]+="[^"]*"', found[0]))), markup)


def test_a_link_tells_no_other_page_of_ours_whatever_it_asks_for() -> None:
    kept = re.findall(r'(?:rel|target)="[^"]*"', cleaned("<a href=https://a.test target=_top rel=opener>x</a>"))
    assert sorted(kept) == ['rel="noopener noreferrer"', 'target="_blank"']


def test_cleaning_in_a_process_of_its_own_is_the_same_and_has_a_bound_of_length() -> None:
    assert cleaned_apart("<p onclick=x>你好\ud800</p>") == "<p>你好?</p>"
    with pytest.raises(TooMuch):
        cleaned_apart("x" * (cleaning.LONGEST + 1))


def test_a_mail_is_looked_through_for_html_once(shared_site: Website, monkeypatch: pytest.MonkeyPatch) -> None:
    number, address = mailed(shared_site, "<b>宕机了</b>")
    asked, read = list[int](), InboxReads.inbox_row

    def counted(self: InboxReads, item: int) -> InboxRow | None:
        asked.append(item)
        return read(self, item)

    monkeypatch.setattr(InboxReads, "inbox_row", counted)
    for _ in range(3):
        assert address in shared_site.client_of("qian").get(f"/console/tickets/{number}").text
    assert len(asked) == 1


def test_a_mail_is_shown_in_a_frame_of_its_own_to_whoever_may_see_its_ticket(shared_site: Website) -> None:
    number, address = mailed(shared_site, f'<p style="color:red">宕机了</p><img src="cid:dot@x"><img src={AWAY}><script>x</script>')
    agent = shared_site.client_of("qian")
    shown = agent.get(f"/console/tickets/{number}", headers=EN).text
    assert re.findall(r'<iframe[^>]*\bsandbox loading="lazy"[^>]*src="([^"]*)"', shown) == [address]
    with shared_site.engine.store.read() as reader:
        before = len(reader.audits())
    answer = agent.get(address, headers=EN)
    assert answer.headers["content-security-policy"] == APART["content-security-policy"]
    assert answer.headers["content-security-policy"].startswith("sandbox; default-src 'none';")
    assert (answer.headers["x-frame-options"], answer.headers["cache-control"]) == ("SAMEORIGIN", "no-store")
    assert f'<p style="color:red">宕机了</p><img src="{DOT}"><img>' in answer.text
    with shared_site.engine.store.read() as reader:
        assert [(row.who, row.what, row.about) for row in reader.audits()][before:] == [("qian", "looked at", number)]
    assert shared_site.client_of("lin").get(address).status_code == 403
    assert shared_site.client.get(address).status_code == 303
    other = shared_site.take(text="系统宕机", sender="bai@customer.test")
    assert "<iframe" not in agent.get(f"/console/tickets/{other}").text  # it came without HTML
    assert agent.get(address.replace(number, other)).status_code == 404
    assert agent.get(f"/console/tickets/{number}/mail/999").status_code == 404


def test_a_mail_that_would_take_a_machine_for_minutes_to_lay_out_is_not_laid_out(
    shared_site: Website, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cleaning, "SECONDS", 1)
    _, address = mailed(shared_site, "<div>" * 100_000)
    answer = shared_site.client_of("qian").get(address, headers=EN)
    assert (answer.status_code, answer.headers["x-frame-options"]) == (422, "SAMEORIGIN")
    assert "too complicated" in answer.text


def watched(context: BrowserContext) -> list[str]:
    """What the pages of a context did that none may do: dialogs, downloads, further windows, and requests for what nobody may ask for."""
    did: list[str] = []

    def asked(dialog: Dialog) -> None:
        did.append(f"dialog {dialog.message}")
        dialog.dismiss()

    def fetched(route: Route) -> None:  # asked where it would leave the browser: what a policy forbids never comes this far
        did.append(route.request.url)
        route.abort()

    def opened(page: Page) -> None:
        page.on("download", lambda download: did.append(f"download {download.url}"))
        page.on("popup", lambda popup: did.append(f"window {popup.url}"))

    context.on("dialog", asked)
    context.route(f"{AWAY}**", fetched)
    context.on("page", opened)
    return did


@pytest.mark.real("chromium")
def test_no_hostile_mail_opens_a_dialog_or_fetches_anything_once_cleaned_nor_uncleaned_in_its_frame(shared_site: Website) -> None:
    assert len(VECTORS) >= 60
    number, _ = mailed(shared_site, f"<p><a href={AWAY}/link>the words</a></p>" + "".join(VECTORS.values()))
    tidy = "".join(f"<div>{cleaned(body)}</div>" for body in VECTORS.values())
    some = list(VECTORS.values())[:: len(VECTORS) // scaled(len(VECTORS), least=12)]
    with chromium() as browser:
        # Cleaned, with nothing else to hold it: scripts may run, and anything may be fetched.
        assert led_to(browser.new_context(), [str(apart(tidy, "en", "x").body, "utf-8")], "", {}) == []
        # As it came, held by its frame alone.
        assert led_to(browser.new_context(), some, "sandbox", APART) == []
        # The table does something: without either there are dialogs and requests.
        did = led_to(browser.new_context(), some, "", {})
        dialogs = [one for one in did if one.startswith("dialog")]
        assert len(dialogs) > len(some) // 4
        assert len(did) - len(dialogs) > len(some) // 4
        assert whole_way(shared_site, browser.new_context(locale="en-GB"), number) == []


def whole_way(site: Website, context: BrowserContext, number: str) -> list[str]:
    """Look at a ticket's mail as an agent does; return what it did."""
    context.add_cookies([{"name": "session", "value": str(site.client_of("qian").cookies["session"]), "url": site.url}])
    did, seen = watched(context), context.new_page()
    seen.goto(f"{site.url}/console/tickets/{number}")
    seen.locator(".matter summary").click()
    listed = seen.locator(".matter .addresses a", has_text=f"{AWAY}/link")
    listed.wait_for()
    seen.frame_locator("iframe.mail").get_by_text("the words").click()
    look(seen, "console-en-GB-mail")
    context.close()
    return did


def led_to(context: BrowserContext, bodies: list[str], sandbox: str, headers: dict[str, str]) -> list[str]:
    """Show bodies in frames of one page, each served with the headers; return what they did."""
    host = "http://shown.test/"
    shown = "".join(f"<iframe {sandbox} src='{host}{place}'></iframe>" for place, _ in enumerate(bodies))
    served = {f"{host}{place}": (body, headers) for place, body in enumerate(bodies)} | {host: (f"<!doctype html>{shown}", {})}

    def answer(route: Route) -> None:
        body, more = served.get(route.request.url, ("", {}))
        route.fulfill(status=200 if route.request.url in served else 404, content_type="text/html; charset=utf-8", headers=more, body=body)

    context.route("**/*", answer)
    did = watched(context)
    seen = context.new_page()
    seen.goto(host, wait_until="load")
    seen.wait_for_timeout(500)
    context.close()
    return did
