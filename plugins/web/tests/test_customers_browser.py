"""The whole way of a customer in a real browser, on a phone in Chinese and on a desk in English."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Browser, FilePayload, Page

from engine.core.signals import StepDraft
from tests.support.browser import chromium, look, visitor
from tests.support.website import Website

pytestmark = pytest.mark.real("chromium")

WORDS = {
    "zh-CN": {
        "contact": "13912345678",
        "text": "昨天下午开始软件无法登录,一直提示网络异常。",
        "plan": "重启登录服务",
        "result": "登录服务已恢复,请重新打开软件。",
        "reason": "OK了一会儿,又登录不上",
        "suggestion": "5颗星,1:5,谢谢",
        "not_solved": "还没有解决",
        "sent": "已收到您的留言",
    },
    "en-GB": {
        "contact": "lan@customer.test",
        "text": 'Since yesterday I cannot log in: "network error".',
        "plan": "Restart the login service",
        "result": "The login service works again. Please open the program anew.",
        "reason": "yes, it worked for a minute, then not",
        "suggestion": "5 stars, 1:5, thanks",
        "not_solved": "No, it is not solved",
        "sent": "We have got your message",
    },
}


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.mark.parametrize(("locale", "width"), [("zh-CN", 390), ("en-GB", 1280)])
def test_a_customer_goes_the_whole_way(shared_site: Website, browser: Browser, locale: str, width: int) -> None:
    site = shared_site
    words, shown = WORDS[locale], f"customer-{locale}"
    with visitor(browser, locale, width) as page:
        page.goto(site.url)
        look(page, f"{shown}-home")
        page.get_by_role("main").get_by_role("link").first.click()
        look(page, f"{shown}-request")
        page.locator("main form button").click()
        assert page.locator("#text:invalid").count() == 1  # the browser itself asks for what is missing
        page.locator("#text").fill(words["text"])
        page.locator("#contact").fill(words["contact"])
        page.set_input_files("#files", FilePayload(name="屏幕 截图.exe", mimeType="application/x-dosexec", buffer=b"\x89PNG\r\n\x1a\n..."))
        page.locator("main form button").click()
        look(page, f"{shown}-submitted")
        number = page.locator(".number").inner_text()
        site.work()
        page.goto(site.engine.tokens.link(number))
        look(page, f"{shown}-new")
        assert page.locator(".file").inner_text() == "屏幕 截图.png"
        _handle(site, number, words)
        page.reload()
        look(page, f"{shown}-resolved")
        page.get_by_text(words["not_solved"], exact=True).click()
        page.locator("#reason").fill(words["reason"])
        page.locator(".now details button").click()
        page.wait_for_url("**?done=objected")
        look(page, f"{shown}-objected")
        assert site.ticket(number).objections == 1
        page.locator("#text").fill(words["text"])
        page.locator("form[action$=message] button").click()
        page.wait_for_url("**?done=sent")
        assert words["sent"] in page.get_by_role("status").inner_text()
        assert site.act(number, "resolve", words["result"]) is None
        page.reload()
        page.locator("form[action$=confirm] button").click()
        page.wait_for_url("**?done=confirmed")
        look(page, f"{shown}-confirmed")
        assert site.ticket(number).state == "confirmed"
        _rate(site, page, number, words, shown)
        page.locator(".consent button").click()
        look(page, f"{shown}-withdrawn")


def _handle(site: Website, number: str, words: dict[str, str]) -> None:
    now = site.clock.now()
    assert site.act(number, "contact", "已通话") is None
    assert site.act(number, "plan", words["plan"], steps=(StepDraft(words["plan"], "zhao", now + timedelta(hours=1)),)) is None
    site.clock.set(now + timedelta(minutes=40))
    assert site.act(number, "resolve", words["result"]) is None
    site.work()


def _rate(site: Website, page: Page, number: str, words: dict[str, str], shown: str) -> None:
    site.clock.set(site.clock.now() + timedelta(hours=25))
    site.work()
    page.goto(site.engine.tokens.link(number))
    look(page, f"{shown}-survey")
    for question, score in ((1, 5), (2, 4), (3, 5)):
        choice = page.locator(f'label:has(input[name=question_{question}][value="{score}"])')
        box = choice.bounding_box()
        assert box is not None
        assert min(box["width"], box["height"]) >= 44
        choice.click()
    page.locator("[name=question_4]").fill(words["suggestion"])
    page.locator("form[action$=rate] button").click()
    page.wait_for_url("**?done=rated")
    look(page, f"{shown}-rated")
    assert site.ticket(number).survey.answered_at is not None  # type: ignore[union-attr]  # one was sent


def test_every_page_does_its_work_without_scripts(shared_site: Website, browser: Browser) -> None:
    site = shared_site
    number = site.take()
    assert site.act(number, "resolve", "好了") is None
    with visitor(browser, "zh-CN", 390, scripts=False) as page:
        page.goto(site.url + "/request")
        page.locator("#text").fill("怎么开发票?")
        page.locator("#contact").fill("13912345678")
        page.locator("main form button").click()
        assert page.locator(".number").is_visible()
        page.goto(site.engine.tokens.link(number))
        page.locator("form[action$=message] textarea").fill("补充一点")
        page.locator("form[action$=message] button").click()
        page.wait_for_url("**?done=sent")
        page.locator("details summary").first.click()
        page.locator("#reason").fill("没有好")
        page.locator(".now details button").click()
        page.wait_for_url("**?done=objected")
        assert site.ticket(number).objections == 1
        assert site.act(number, "resolve", "这次好了") is None
        page.reload()
        page.locator("form[action$=confirm] button").click()
        page.wait_for_url("**?done=confirmed")
        assert page.get_by_role("status").is_visible()
        assert site.ticket(number).state == "confirmed"
