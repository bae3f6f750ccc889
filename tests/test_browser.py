"""The write form in a real Chromium: drafts, finished copy, both themes, a phone's width, no script, keyboard alone.

Screenshots land in pytest's temporary folder; `pytest tests/test_browser.py --basetemp=DIR` puts them where you look.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, expect, sync_playwright

from copygen.errors import EngineUnavailable

from serving.app import create_app
from serving.engines import DEFAULT_MODEL, MODELS, open_engine
from serving.facts import graph_facts
from serving.settings import Settings
from tests.app_client import FailingModel
from tests.live_server import FIRST, SECOND, SlowModel, running

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
ARGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
PHONE, DESKTOP = ViewportSize(width=375, height=812), ViewportSize(width=1280, height=900)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium in PATH: apt-get install chromium fonts-noto-cjk")
expect.set_options(timeout=15_000)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture
def model() -> SlowModel:
    return SlowModel([FIRST, SECOND], pause_s=0.02)


@pytest.fixture
def url(model: SlowModel) -> Iterator[str]:
    with running(create_app(model, Settings(extra_candidates=0))) as url:
        yield url


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    with browser.new_context(viewport=DESKTOP, locale="zh-CN") as context:
        yield context


def open_page(context: BrowserContext, url: str) -> tuple[Page, list[str]]:
    """A page at a URL, and what the browser complains of meanwhile (scripts, policy, missing files)."""
    page = context.new_page()
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda message: complaints.append(message.text) if message.type == "error" else None)
    page.goto(url)
    return page, complaints


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_from_the_sample_to_finished_copy_in_two_clicks(
    browser: Browser, url: str, tmp_path: Path, size: ViewportSize, theme: Literal["light", "dark"]
) -> None:
    with browser.new_context(viewport=size, color_scheme=theme, locale="zh-CN") as context:
        page, complaints = open_page(context, url)
        page.screenshot(path=tmp_path / "empty.png", full_page=True)
        page.get_by_role("link", name="填入示例商品").click()
        page.get_by_role("button", name="写文案").click()
        expect(page.get_by_text("草稿 1")).to_be_visible()
        page.screenshot(path=tmp_path / "drafts.png")
        expect(page.get_by_role("heading", name="通勤路上的一间小房间")).to_be_visible()
        expect(page.get_by_text("草稿 1")).to_have_count(0)
        expect(page.get_by_role("heading", name="通勤路上的一间小房间")).to_be_in_viewport()
        expect(page.get_by_text("10/14 字").first).to_be_visible()
        expect(page.get_by_text("本内容由人工智能生成").first).to_be_visible()
        expect(page.locator("[data-status]")).to_have_text("写好了")
        page.get_by_text("逐句看依据").first.click()
        page.screenshot(path=tmp_path / "copy.png")
        page.screenshot(path=tmp_path / "copy-full.png", full_page=True)
        assert page.evaluate("document.documentElement.scrollWidth") == size["width"]
        background = page.evaluate("getComputedStyle(document.body).backgroundColor")
        lightness = sum(map(int, background.removeprefix("rgb(").rstrip(")").split(", ")))
        assert (lightness < 150) == (theme == "dark")
        assert complaints == []


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
def test_without_a_script_the_form_still_writes_and_the_copy_is_in_sight(
    browser: Browser, url: str, size: ViewportSize
) -> None:
    with browser.new_context(viewport=size, java_script_enabled=False, locale="zh-CN") as context:
        page, complaints = open_page(context, f"{url}/?sample=1")
        page.get_by_role("button", name="写文案").click()
        expect(page.get_by_role("heading", name="通勤路上的一间小房间")).to_be_in_viewport()
        page.get_by_text("逐句看依据").first.click()
        expect(page.get_by_text("降噪深度 46dB", exact=True).first).to_be_visible()
        assert complaints == []
        expect(page.get_by_role("button", name="复制")).to_have_count(0)


def test_problems_stand_beside_their_fields_and_take_the_focus(
    context: BrowserContext, url: str, tmp_path: Path
) -> None:
    page, _ = open_page(context, url)
    page.get_by_label("商品名称").first.fill("保温杯")
    page.get_by_label("第 1 条的名称").first.fill("容量")
    page.get_by_label("写给谁").fill("学生")
    page.get_by_role("button", name="写文案").click()
    row = page.get_by_label("第 1 条的名称").first
    expect(row).to_have_attribute("aria-invalid", "true")
    expect(row).to_be_focused()
    expect(page.get_by_text("“容量=”缺少名称或值")).to_be_visible()
    expect(page.get_by_label("写给谁")).to_have_value("学生")
    page.screenshot(path=tmp_path / "problems.png", full_page=True)
    page.get_by_label("商品名称").first.fill("听屿 N3")
    given = (("降噪", "46dB"), ("续航", "单次8小时，含充电盒共36小时"), ("单耳", "4.2g"), ("颜色", "雾霾蓝、月岩灰"))
    for number, (name, value) in enumerate((*given, ("产地", "深圳")), 1):
        if number > 4:  # there is one row more than is filled, and the button makes another
            page.get_by_role("button", name="＋ 加一条").first.click()
        page.get_by_label(f"第 {number} 条的名称").first.fill(name)
        page.get_by_label(f"第 {number} 条的内容").first.fill(value)
    page.get_by_role("button", name="删去第 5 条").first.click()
    expect(page.get_by_label("第 5 条的名称").first).to_be_hidden()
    page.get_by_role("button", name="写文案").click()
    expect(page.get_by_role("heading", name="通勤路上的一间小房间")).to_be_visible()


def test_fields_for_more_products_appear_with_the_channel_that_takes_them(context: BrowserContext, url: str) -> None:
    page, _ = open_page(context, url)
    second = page.get_by_text("搭配商品 2")
    expect(second).to_be_hidden()
    page.get_by_role("radio", name="搭配购").check()
    expect(second).to_be_visible()


def test_keyboard_alone(context: BrowserContext, url: str) -> None:
    page, _ = open_page(context, f"{url}/?sample=1")
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="跳到正文")).to_be_focused()
    page.get_by_label("商品名称").first.focus()
    page.get_by_role("button", name="＋ 加一条").first.focus()
    page.keyboard.press("Tab")
    expect(page.get_by_role("radio", name="发现好货")).to_be_focused()
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")
    expect(page.get_by_role("radio", name="简约")).to_be_checked()
    page.get_by_label("商品名称").first.press("Enter")
    expect(page.get_by_role("heading", name="通勤路上的一间小房间")).to_be_visible()
    expect(page.locator("#results")).to_be_focused()


def test_copying_takes_the_label_along(context: BrowserContext, url: str) -> None:
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, _ = open_page(context, f"{url}/?sample=1")
    page.get_by_role("button", name="写文案").click()
    page.get_by_role("button", name="复制").first.click()
    expect(page.get_by_role("button", name="已复制")).to_be_visible()
    text = page.evaluate("navigator.clipboard.readText()")
    assert text.endswith("本内容由人工智能生成")
    assert len(text.splitlines()) == 4  # title, body, blank, label


def test_stopping_stops_the_engine(browser: Browser) -> None:
    model = SlowModel([FIRST], pause_s=0.3)
    with (
        running(create_app(model, Settings(extra_candidates=0))) as url,
        browser.new_context(locale="zh-CN") as context,
    ):
        page, _ = open_page(context, f"{url}/?sample=1")
        page.get_by_role("button", name="写文案").click()
        expect(page.get_by_text("草稿 1")).to_be_visible()
        page.get_by_role("button", name="停下").click()
        expect(page.get_by_text("已停下，没有保存草稿。")).to_be_visible()
        expect(page.get_by_role("button", name="写文案")).to_be_enabled()
        assert model.stopped.wait(3.0)
        assert not model.finished.is_set()


@pytest.mark.parametrize(
    ("error", "words"),
    [
        pytest.param(EngineUnavailable(), "写作引擎还没有准备好", id="engine"),
        pytest.param(ZeroDivisionError(), "我们这边出错了", id="bug"),
    ],
)
@pytest.mark.parametrize("said", ["", "标题：通勤"], ids=["before the first word", "after it"])
def test_a_failure_is_said_beside_the_form_that_stays(
    context: BrowserContext, error: Exception, words: str, said: str
) -> None:
    with running(create_app(FailingModel(error, said), Settings())) as url:
        page, _ = open_page(context, f"{url}/?sample=1")
        page.get_by_role("button", name="写文案").click()
        expect(page.locator("#results").get_by_role("alert")).to_contain_text(words)
        expect(page.get_by_label("商品名称").first).to_have_value("听屿 N3 真无线降噪耳机")
        expect(page.get_by_role("button", name="写文案")).to_be_enabled()


def test_a_server_that_goes_away_is_said_so(context: BrowserContext, url: str) -> None:
    page, _ = open_page(context, f"{url}/?sample=1")
    page.route("**/*", lambda route: route.abort())
    page.get_by_role("button", name="写文案").click()
    expect(page.get_by_text("连不上服务。")).to_be_visible()
    expect(page.get_by_label("商品名称").first).to_have_value("听屿 N3 真无线降噪耳机")


@pytest.mark.skipif(
    not (MODELS / DEFAULT_MODEL).is_dir(), reason=f"models/{DEFAULT_MODEL} is not there: the real model is not tried"
)
def test_the_bundled_model_writes_for_the_sample(context: BrowserContext, tmp_path: Path) -> None:
    with running(create_app(open_engine("embedded"), Settings(), facts=graph_facts)) as url:
        page, complaints = open_page(context, f"{url}/?sample=1")
        page.get_by_role("button", name="写文案").click()
        expect(page.get_by_text("草稿 1")).to_be_visible(timeout=60_000)
        copy = page.locator("article.copy")
        expect(copy.first).to_be_visible(timeout=120_000)
        expect(copy.first).to_contain_text("本内容由人工智能生成")
        expect(copy.first).to_contain_text("处引用商品资料")
        page.screenshot(path=tmp_path / "real.png", full_page=True)
        assert complaints == []
