"""Accessibility of every page in real Chromium: axe-core finds nothing, in both themes, in Chinese and in English.

axe-core (MPL-2.0) is in tests/data with its licence.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, Page, expect

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from serving.settings import Settings
from tests.live_server import FIRST, SECOND, running
from tests.test_browser import CHROMIUM, DESKTOP, PHONE, browser

__all__ = ["browser"]  # a fixture

AXE = Path(__file__).parent / "data" / "axe-core-4.14.1.min.js"
PATHS = ["/", "/?sample=1", "/check?sample=1", "/ideas?q=地铁", "/docs", "/nowhere"]

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH: apt-get install chromium fonts-noto-cjk")


@pytest.fixture
def address() -> Iterator[str]:
    with running(create_app(ScriptedModel([FIRST, SECOND]), Settings(extra_candidates=0))) as url:
        yield url


def violations(page: Page) -> list[str]:
    page.add_script_tag(path=AXE)
    found = page.evaluate("axe.run()")["violations"]
    nodes = [(one["id"], node) for one in found for node in one["nodes"]]
    return [f"{rule}: {node['html'][:120]} {node['failureSummary'][:200]}" for rule, node in nodes]


@pytest.mark.parametrize(("theme", "language"), [("light", "zh-Hans"), ("dark", "en")])
def test_axe_finds_nothing(
    browser: Browser,
    address: str,
    theme: Literal["light", "dark"],
    language: str,
) -> None:
    # axe is an inline script, which the pages' own policy forbids.
    with browser.new_context(viewport=DESKTOP, color_scheme=theme, bypass_csp=True) as context:
        context.add_cookies([{"name": "lang", "value": language, "url": address}])
        page = context.new_page()
        for path in PATHS:
            page.goto(address + path)
            assert (path, violations(page)) == (path, [])
        page.goto(f"{address}/?sample=1")
        page.locator("form[data-stream] [type=submit].primary").click()
        expect(page.locator("article.copy")).to_have_count(2)
        page.locator("details.edit > summary").first.click()
        page.locator("textarea.body").first.fill("全网第一，续航60小时。")
        expect(page.locator("#verdict-1 .state.bad")).to_be_visible()
        assert violations(page) == []
        page.goto(f"{address}/check?sample=1")
        page.locator("#check-form .primary").click()
        expect(page.locator("#checked .findings")).to_be_visible()
        assert violations(page) == []


@pytest.mark.parametrize("path", PATHS)
def test_no_page_is_wider_than_a_phone(
    browser: Browser,
    address: str,
    path: str,
) -> None:
    with browser.new_context(viewport=PHONE) as context:
        context.add_cookies([{"name": "lang", "value": "en", "url": address}])  # the longest words
        page = context.new_page()
        page.goto(address + path)
        assert page.evaluate("document.documentElement.scrollWidth") == PHONE["width"]
        assert re.search("copygen", page.title())
