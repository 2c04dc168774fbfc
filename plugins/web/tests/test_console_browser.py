"""The team at work in a real browser: an agent who takes a ticket through, and a supervisor who watches."""

import pytest
from playwright.sync_api import Page

from tests.support.browser import SHOTS, chromium, look, signed_in
from tests.support.website import Website

pytestmark = pytest.mark.real("chromium")

CHINESE, ENGLISH = ("zh-CN", 1280), ("en-GB", 1920)
"""Both are gone through where pictures are wanted (CLOSEDLOOP_SCREENSHOTS)."""


@pytest.mark.parametrize(("locale", "width"), [CHINESE, *([ENGLISH] if SHOTS else [])])
def test_an_agent_goes_the_whole_way_by_keys_while_a_supervisor_watches(site: Website, locale: str, width: int) -> None:
    number = site.take(text="系统宕机,全公司无法使用!", subject="紧急", sender_name="兰女士")
    shown = f"console-{locale}"
    with chromium() as browser, signed_in(browser, site, "zhou", locale, width) as supervisor:
        supervisor.locator(f"a[id^=go-{number}-plan]").wait_for()
        with signed_in(browser, site, "qian", locale, width) as agent:
            look(agent, f"{shown}-board")
            _works(site, agent, number, shown)
        supervisor.locator(f"a[id^=go-{number}-plan]").wait_for(state="detached")  # the board follows by itself
    with site.engine.store.read() as reader:
        ticket = reader.ticket(number)
    assert ticket
    assert ticket.state == "resolved"


@pytest.mark.parametrize(("locale", "width"), [ENGLISH, *([CHINESE] if SHOTS else [])])
def test_every_room_of_a_supervisor_can_be_used_by_everybody(site: Website, locale: str, width: int) -> None:
    site.take(text="系统宕机,全公司无法使用!", subject="紧急", sender_name="兰女士")
    with chromium() as browser, signed_in(browser, site, "zhou", locale, width) as page:
        _watches(site, page, f"console-{locale}")


def _works(site: Website, page: Page, number: str, shown: str) -> None:
    page.locator(f"a[id^=go-{number}]").first.click()
    page.wait_for_url(f"**/console/tickets/{number}")
    page.locator("summary[accesskey=c]").focus()
    page.keyboard.press("Enter")  # by keys alone: the form of a contact opens, its field gets the focus, and the button comes next
    page.locator("#contact-text:focus").wait_for()
    page.keyboard.type("已电话确认,影响全公司")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.get_by_text("已电话确认,影响全公司").wait_for()
    page.locator(".why").last.locator("summary").click()
    page.locator(".why[open]").get_by_text("sla.yaml").first.wait_for()
    page.locator(".clocks summary").first.click()
    look(page, f"{shown}-ticket")
    assert site.act(number, "note", "机房已通知", "wu") is None
    page.locator("summary[accesskey=e]").click()
    page.locator("#resolve-text").fill("已切换到备用机房")
    page.locator("#resolve-text").locator("xpath=ancestor::form").get_by_role("button").last.click()
    page.get_by_role("alert").get_by_text("机房已通知").wait_for()
    look(page, f"{shown}-stale")
    form = page.locator("#resolve-text").locator("xpath=ancestor::form")
    form.get_by_role("button").first.click()
    page.locator(".letter").get_by_text("已切换到备用机房").wait_for()
    look(page, f"{shown}-preview")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**/console/tickets/{number}")


def _watches(site: Website, page: Page, shown: str) -> None:
    for room in (
        "phone?phone=139",
        "team",
        "incidents",
        "figures",
        "measures",
        "reviews",
        "audit",
        "policy?file=sla.yaml",
        "find?words=紧急",
    ):
        page.goto(f"{site.url}/console/{room}")
        look(page, f"{shown}-{room.partition('?')[0]}")
    page.goto(f"{site.url}/console/policy/would")
    page.locator("#w-text").fill("系统宕机,全公司无法使用")
    page.locator("main form.card button").click()
    page.locator("#outcome").wait_for()
    look(page, f"{shown}-would")
