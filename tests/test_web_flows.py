"""What a merchant does with finished copy, in real Chromium: edit, mend, convert, paste, check, borrow an idea."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from serving.facts import graph_facts
from serving.settings import Settings
from tests.live_server import FIRST, SECOND, running
from tests.test_browser import CHROMIUM, browser, context, open_page

__all__ = ["browser", "context"]  # fixtures

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH: apt-get install chromium fonts-noto-cjk")


@pytest.fixture
def address() -> Iterator[str]:
    with running(create_app(ScriptedModel([FIRST, SECOND]), Settings(extra_candidates=0), facts=graph_facts)) as url:
        yield url


@pytest.fixture
def written(context: BrowserContext, address: str) -> Iterator[Page]:
    """A page with two finished copies; whatever the browser complains of fails the test."""
    page, complaints = open_page(context, f"{address}/?sample=1")
    page.get_by_role("button", name="写文案").click()
    expect(page.locator("article.copy")).to_have_count(2)
    yield page
    assert complaints == []


def test_the_verdict_follows_the_keys_and_a_click_mends(written: Page) -> None:
    card = written.locator("#copy-1")
    card.get_by_text("改一改").click()
    body = card.locator("textarea.body")
    expect(card.locator("textarea").first).to_be_focused()
    body.press("End")
    body.fill(f"{body.input_value()}全网第一。")
    expect(card.get_by_text("有 1 处须改")).to_be_visible()
    expect(card.locator("#counts-body-1")).to_contain_text("84/100")
    expect(body).to_be_focused()  # a verdict takes nobody out of the text
    card.get_by_role("button", name="删去").click()
    expect(card.get_by_text("检查通过")).to_be_visible()
    expect(card.locator(".reading")).not_to_contain_text("全网第一")
    expect(card).to_be_focused()
    expect(written.locator("#copy-2")).to_be_visible()


def test_edited_copy_is_what_is_copied(written: Page, context: BrowserContext) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    card = written.locator("#copy-1")
    card.get_by_text("改一改").click()
    card.locator("textarea.title").fill("通勤路上的小房间")
    expect(card.locator("#counts-title-1")).to_contain_text("8/14")
    card.get_by_role("button", name="改好了").click()
    expect(card.get_by_role("heading", name="通勤路上的小房间")).to_be_visible()
    card.get_by_role("button", name="复制").click()
    text = written.evaluate("navigator.clipboard.readText()")
    assert text.startswith("通勤路上的小房间\n") and text.endswith("本内容由人工智能生成")


def test_evidence_shows_on_focus_and_goes_with_escape(written: Page) -> None:
    clause = written.locator("#copy-1 .stretch.backed").first
    clause.focus()
    tip = written.get_by_role("tooltip")
    expect(tip).to_have_text("降噪深度 46dB")
    expect(clause).to_have_attribute("aria-describedby", "tip")
    written.keyboard.press("Escape")
    expect(tip).to_be_hidden()


def test_the_other_script_and_another_copy(written: Page) -> None:
    card = written.locator("#copy-1")
    card.get_by_role("button", name="换成繁体").click()
    expect(card.get_by_role("heading", name="通勤路上的一間小房間")).to_be_visible()
    expect(card).to_contain_text("本內容由人工智慧（AI）生成")
    card.get_by_role("button", name="换一条").click()
    expect(card.get_by_role("heading", name="把地鐵調成靜音模式")).to_be_visible()


def test_a_pasted_page_fills_the_form(context: BrowserContext, address: str) -> None:
    page, complaints = open_page(context, address)
    page.get_by_role("radio", name="种草笔记").check()
    page.get_by_text("粘贴标题、商品页或表格行").click()
    page.get_by_label("粘贴的内容").fill("声悦 Air3 真无线蓝牙耳机\n到手价 ￥399\n续航：40小时\n颜色：雾霾蓝")
    page.get_by_role("button", name="自动填写").click()
    expect(page.get_by_label("商品名称").first).to_have_value("声悦 Air3 真无线蓝牙耳机")
    expect(page.get_by_label("价格").first).to_have_value("399元")
    expect(page.get_by_label("第 1 条的内容").first).to_have_value("40小时")
    expect(page.get_by_role("radio", name="种草笔记")).to_be_checked()
    expect(page.locator(".field.unsure")).not_to_have_count(0)
    assert complaints == []


def test_the_check_page_checks_as_one_types(context: BrowserContext, address: str) -> None:
    page, complaints = open_page(context, f"{address}/check")
    page.get_by_role("textbox", name="文案", exact=True).fill("全网第一的耳机，戴着很轻。")
    expect(page.get_by_text("有 1 处须改")).to_be_visible()
    page.get_by_role("button", name="删去").click()
    expect(page.get_by_text("没有发现问题")).to_be_visible()
    expect(page.get_by_role("textbox", name="文案", exact=True)).to_have_value("戴着很轻。")
    with page.expect_download() as download:
        page.get_by_role("button", name="下载举证材料").click()
    assert download.value.suggested_filename.startswith("proof-")
    assert complaints == []


def test_an_idea_leads_to_a_form_like_it(context: BrowserContext, address: str) -> None:
    page, complaints = open_page(context, f"{address}/ideas")
    page.get_by_label("搜一搜").fill("地铁")
    expect(page.locator("article.idea").first).to_contain_text("地铁")
    expect(page).to_have_url(f"{address}/ideas?q=%E5%9C%B0%E9%93%81&industry=&channel=&tone=")
    page.get_by_role("link", name="照这个写我的").first.click()
    expect(page.get_by_text("照灵感库这一条的写法")).to_be_visible()
    assert complaints == []


def test_theme_and_language_stay_chosen(context: BrowserContext, address: str) -> None:
    page, complaints = open_page(context, address)
    page.get_by_label("商品名称").first.fill("听屿 N3")
    page.get_by_role("button", name="换成：深色").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    expect(page.get_by_label("商品名称").first).to_have_value("听屿 N3")  # nothing typed is lost
    page.get_by_role("button", name="English").click()
    expect(page.get_by_role("heading", name="Write")).to_be_visible()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    assert complaints == []
