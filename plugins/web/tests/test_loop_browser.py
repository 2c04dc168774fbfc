"""The whole loop over the web alone, each in a browser of their own: a customer, the agent who helps, the supervisor who calls."""

from datetime import timedelta

import pytest
from playwright.sync_api import Page

from tests.support.browser import chromium, look, signed_in, visitor
from tests.support.website import Website

pytestmark = pytest.mark.real("chromium")


def do(page: Page, action: str, **fields: str) -> None:
    """Fill in the form of an action on the page of a ticket, and send it."""
    form = page.locator(f"form:has(input[name=action][value={action}])")
    if not form.get_by_role("button").last.is_visible():
        page.locator(f"details:has(input[name=action][value={action}]) > summary").click()
    for name, text in fields.items():
        form.locator(f"[name={name}]").fill(text)
    form.get_by_role("button").last.click()
    page.wait_for_load_state()
    assert page.locator("[role=alert]").count() == 0, page.locator("[role=alert]").inner_text()


def test_a_bad_score_of_a_customer_who_was_helped_comes_to_the_supervisor_who_calls_them(site: Website) -> None:
    with chromium() as browser, visitor(browser, "zh-CN", 390) as customer, signed_in(browser, site, "li", "zh-CN", 1920) as supervisor:
        number = hand_in(site, customer)
        with signed_in(browser, site, "qian", "zh-CN", 1280) as agent:
            agent.goto(f"{site.url}/console/tickets/{number}")
            do(agent, "contact", text="已电话确认:无法登录")
            do(agent, "resolve", text="登录服务已恢复")
        site.work()
        customer.reload()
        customer.get_by_text("登录服务已恢复").first.wait_for()
        customer.locator("form[action$=confirm] button").click()
        assert site.ticket(number).state == "confirmed"
        site.wait(timedelta(hours=2))
        rate(customer, 1, 4, 2)
        supervisor.goto(f"{site.url}/console/follow-ups")
        assert supervisor.locator("tbody a").count() == 0, "it does not come at once, so that nobody can tell whose it is"
        site.wait(timedelta(hours=5))
        call_back(site, supervisor, number)


def hand_in(site: Website, customer: Page) -> str:
    """Hand a request in by the form, and go to its page; return its number."""
    customer.goto(f"{site.url}/request")
    customer.locator("#text").fill("软件异常,无法登录")
    customer.locator("#contact").fill("lan@customer.test")
    customer.locator("main form button").click()
    number = customer.locator(".number").inner_text()
    site.work()
    customer.goto(site.engine.tokens.link(number))
    assert site.ticket(number).assignee == "qian"
    return number


def rate(customer: Page, *scores: int) -> None:
    customer.reload()
    for question, score in enumerate(scores, 1):
        customer.locator(f'label:has(input[name=question_{question}][value="{score}"])').click()
    customer.locator("form[action$=rate] button").click()
    customer.get_by_role("status").wait_for()


def call_back(site: Website, supervisor: Page, about: str) -> None:
    """Call the customer whose score was low, and end the follow-up; whom it was about is forgotten then."""
    supervisor.reload()
    [followed] = supervisor.locator("tbody a").all()
    number = followed.inner_text()
    followed.click()
    supervisor.locator(f"aside a[href$='{about}']").wait_for()
    look(supervisor, "loop-follow-up")
    do(supervisor, "contact", text="已回访")
    do(supervisor, "outcome", why1="排队太久", remedy="道歉")
    do(supervisor, "resolve", text="已说明原因")
    assert site.ticket(number).deadlines["follow_up"].met
    assert supervisor.locator(f"aside a[href$='{about}']").count() == 0
