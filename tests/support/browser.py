"""Debian's Chromium, driven by Playwright, and what axe-core finds wrong in a page. Tests that use it are marked `real("chromium")`."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.support.parts import find_program
from tests.support.website import Website

SHOTS = os.environ.get("CLOSEDLOOP_SCREENSHOTS")
"""A directory that gets a picture of every page that is looked at."""

_ARGUMENTS = (
    "--no-sandbox",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser that reaches this machine only."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=find_program("chromium"), headless=True, args=[*_ARGUMENTS])
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def visitor(browser: Browser, locale: str, width: int, scripts: bool = True) -> Iterator[Page]:
    """A page of somebody's own, who has `scripts` or not; at the end, nothing was refused to it and nothing failed in it."""
    context: BrowserContext = browser.new_context(viewport={"width": width, "height": 844}, locale=locale, java_script_enabled=scripts)
    page, said = context.new_page(), list[str]()
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("requestfailed", lambda request: said.append(f"failed: {request.url}"))
    try:
        yield page
    finally:
        context.close()
    assert said == [], said


@contextmanager
def signed_in(browser: Browser, site: Website, agent: str, locale: str, width: int) -> Iterator[Page]:
    """A page of an agent who signed in by the door; at the end nothing was refused to it and nothing failed in it."""
    context = browser.new_context(viewport={"width": width, "height": 900}, locale=locale)
    page, said = context.new_page(), list[str]()
    page.set_default_timeout(15_000)
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    try:
        page.goto(f"{site.url}/console/board")
        page.locator("input[name=agent]").fill(agent)
        page.locator("input[name=password]").fill(site.account_of(agent))
        page.locator("main form button").click()
        page.wait_for_url("**/console/board")
        yield page
    finally:
        context.close()
    # What looks for faults speaks to the frames of a page, of which those that run nothing do not listen.
    assert [text for text in said if "postMessage" not in text and "409" not in text] == []


def look(page: Page, name: str) -> None:
    """Hold a page to WCAG 2.2 AA and to its width, and take a picture of it where they are wanted."""
    if SHOTS:
        Path(SHOTS).mkdir(parents=True, exist_ok=True)
        page.screenshot(path=Path(SHOTS) / f"{name}.png", full_page=True)
    found = Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]})
    wrong = [(one["id"], [node["html"] for node in one["nodes"]]) for one in found.response["violations"]]
    assert wrong == [], name
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is wider than the window"
