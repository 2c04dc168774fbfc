"""The chat in a real browser: a question, an answer that does not help, a person, and what they write as they write it."""

import pytest

from tests.support.browser import chromium, look, visitor
from tests.support.website import Website

PNG = b"\x89PNG\r\n\x1a\n....IHDR"
pytestmark = pytest.mark.real("chromium")


def test_a_stranger_asks_gets_a_person_and_talks_with_them_without_loading_the_page(shared_site: Website) -> None:
    site = shared_site
    with chromium() as browser, visitor(browser, "zh-CN", 390) as page:
        page.goto(f"{site.url}/chat")
        look(page, "chat-begin")
        page.locator("#text").fill("忘记密码,收不到验证码")
        page.locator("button[value=ask]").click()
        assert "60 秒后重试" in page.locator(".ours").inner_text()
        look(page, "chat-answer")
        page.locator("#name").fill("兰")
        page.locator("button[value=person]").click()
        number = page.locator(".number").inner_text()
        page.evaluate("window.same = true")
        assert site.act(number, "write", "您好,请告诉我手机号后四位") is None
        page.locator(".ours", has_text="后四位").wait_for()
        page.locator("#text").fill("5678")
        page.locator("#text").press("Enter")
        page.locator(".own", has_text="5678").wait_for()
        assert page.locator("#text").input_value() == ""
        page.locator("#text").fill("还在吗?")
        page.locator("#end button").click()
        page.locator(".own", has_text="还在吗").wait_for()
        page.locator("#files").set_input_files({"name": "屏幕.png", "mimeType": "image/png", "buffer": PNG})
        page.locator("#end button").click()
        page.locator(".own a.file", has_text="屏幕.png").wait_for()
        assert page.locator("#files").input_value() == ""
        assert site.act(number, "article", target="return-exchange") is None
        page.locator(".ours a.file", has_text="return-form.txt").wait_for()
        assert page.evaluate("window.same") is True
        look(page, "chat-conversation")
    with site.engine.store.read() as reader:
        said = [body for _, _, body in reader.content_of(number)]
    assert [said.count(text) for text in ("5678", "还在吗?")] == [1, 1]
