"""The write form without a script: it keeps what was typed, says what is wrong where, and trusts no text."""

import gzip
import re
from collections.abc import AsyncIterator
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest

from copygen import errors
from copygen.brief import read_brief
from copygen.chat_model import ScriptedModel
from copygen.evidence import Support
from copygen.label import make_label
from copygen.write import write

from serving.app import create_app
from serving.web.form import WriteForm
from serving.web.pages import result_context
from serving.web.view import templates
from tests.app_client import FailingModel, client_of, parse_events, settings
from tests.live_server import FIRST, SECOND

FORM = {
    "name": "听屿 N3 真无线降噪耳机",
    "category": "真无线耳机",
    "price": "369元",
    "attributes": "降噪深度=46dB\n续航：单次8小时，含充电盒共36小时\n单耳重量\t4.2g\n颜色=雾霾蓝、月岩灰",
    "channel": "discover",
    "tone": "质感",
    "phase": "种草",
    "lang": "zh-Hans",
    "n": "2",
    "keywords": "",
    "audience": "通勤白领",
}
PAGES = ["/", "/?sample=1", "/check", "/check?sample=1", "/ideas", "/docs", "/nowhere"]


class Page(HTMLParser):
    """Collects what the tests ask of a page."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.wrapped: set[int] = set()
        self._labels = 0
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._labels += tag == "label"
        if self._labels:
            self.wrapped.add(len(self.tags))
        self.tags.append((tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        self._labels -= tag == "label"

    def all(self, *names: str) -> list[dict[str, str]]:
        return [attrs for tag, attrs in self.tags if tag in names]

    def values(self) -> dict[str, str]:
        return {attrs["name"]: attrs["value"] for attrs in self.all("input") if attrs.get("type") != "radio"}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings())) as client:
        client.headers["Accept"] = "text/html"
        yield client


async def test_a_plain_post_shows_checked_and_labelled_copy(client: httpx.AsyncClient) -> None:
    response = await client.post("/", data=FORM)
    assert response.status_code == 200
    assert response.headers["X-AI-Generated"] == "true"
    assert response.headers["Cache-Control"] == "no-store"
    for shown in ("通勤路上的一间小房间", "10/14 字", "本内容由人工智能生成", "单耳重量", "吸引力估计"):
        assert shown in response.text
    copied = [attrs["data-copy"] for attrs in Page(response.text).all("button") if "data-copy" in attrs]
    assert len(copied) == 2
    assert all(text.endswith("\n本内容由人工智能生成") for text in copied)
    assert Page(response.text).values()["name"] == FORM["name"]


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        pytest.param({"name": " "}, "name", "请填写商品名称", id="no name"),
        pytest.param({"attributes": "很好用"}, "attributes", "“很好用”缺少名称或值", id="line without a value"),
        pytest.param(
            {"name_row": "材质", "value_row": ""}, "attributes", "“材质=”缺少名称或值", id="row without a value"
        ),
        pytest.param({"attributes": "", "category": ""}, "attributes", "至少写一条属性", id="nothing to tell"),
        pytest.param({"channel": "bundle"}, "channel", "至少要 2 件商品", id="bundle of one"),
        pytest.param({"name_2": "收纳包", "category_2": "包"}, "channel", "最多写 1 件商品", id="two for one"),
        pytest.param({"attributes_2": "色=灰"}, "name_2", "请填写商品名称", id="second product without a name"),
        pytest.param({"channel": "tv"}, "channel", "没有这个选项", id="unknown channel"),
        pytest.param({"n": "0"}, "n", "1 到 20 之间", id="none wanted"),
        pytest.param({"n": "²"}, "n", "1 到 20 之间", id="not a number"),
        pytest.param({"keywords": "a,b,c,d,e,f"}, "keywords", "最多 5 个", id="too many keywords"),
        pytest.param({"keywords": "降噪", "avoid": "降噪"}, "keywords", "不能有“不要出现的词”", id="wanted and not"),
        pytest.param({"avoid": "a,b," * 26}, "avoid", "最多 50 个", id="too many to avoid"),
        pytest.param({"lang": "en"}, "lang", "这一项无法使用", id="the core refuses"),
        pytest.param({"tone": "愤怒"}, "tone", "这一项无法使用", id="unknown tone"),
    ],
)
async def test_a_problem_stands_beside_its_field_and_nothing_typed_is_lost(
    client: httpx.AsyncClient, change: dict[str, str], field: str, words: str
) -> None:
    response = await client.post("/", data={**FORM, **change})
    assert response.status_code == 422
    problem = re.search(rf'id="{field}-problem">(.*?)</p>', response.text, re.DOTALL)
    assert problem and words in problem[1]
    page = Page(response.text)
    described = [
        attrs for attrs in page.all("input", "textarea", "select", "fieldset") if attrs.get("aria-invalid") == "true"
    ]
    assert any(f"{field}-problem" in attrs["aria-describedby"].split() for attrs in described)
    assert page.values()["price"] == "369元"
    assert "处需要修改" in response.text


@pytest.mark.parametrize(
    ("error", "status"),
    [
        pytest.param(errors.EngineUnavailable(), 503, id="unavailable"),
        pytest.param(errors.EngineBusy(), 429, id="busy"),
    ],
)
async def test_an_engine_failure_keeps_the_form(error: errors.CopygenError, status: int) -> None:
    async with client_of(create_app(FailingModel(error), settings())) as client:
        response = await client.post("/", data=FORM)
    assert (response.status_code, "Retry-After" in response.headers) == (status, True)
    assert error.code in response.text
    assert Page(response.text).values()["name"] == FORM["name"]


async def test_no_good_copy_says_why(client: httpx.AsyncClient) -> None:
    response = await client.post("/", data={**FORM, "keywords": "量子" + "纠" * 38})
    assert response.status_code == 422
    assert "没有通过检查" in response.text
    assert "缺少关键词：量子" in response.text


async def test_a_clause_that_rests_on_nothing_is_never_shown_as_fine() -> None:
    brief, _ = read_brief({**WriteForm(FORM).record(), "n": 1})
    result = await write(brief, ScriptedModel([FIRST]))
    (candidate,) = result.copies
    evidence = candidate.report.evidence
    supports = (Support("unsupported"), Support("contradicts", "attributes.续航", "8小时"))
    spoilt = tuple(replace(c, support=s) for c, s in zip(evidence.clauses[:2], supports, strict=True))
    report = replace(candidate.report, evidence=replace(evidence, clauses=(*spoilt, *evidence.clauses[2:])))
    context = result_context(
        replace(result, copies=(replace(candidate, report=report),)), [make_label(candidate.copy.plain_text(), "某店")]
    )
    html = templates.get_template("_result.html").render(page_lang="zh-Hans", **context)
    assert re.findall(r"<strong class=\"none\">(.*?)</strong>", html) == ["2 处没有依据"]
    shown = re.findall(r'<span class="stretch (\w+)"[^>]*data-tip="(.*?)"[^>]*>(.*?)</span>', html, re.DOTALL)
    assert [(kind, words) for kind, words, _ in shown[:2]] == [
        ("unbacked", "资料里没有依据"),
        ("unbacked", "与资料不符：续航 8小时"),
    ]
    assert ("backed", "单耳4.2g，") in [(kind, text) for kind, _, text in shown]
    rows = re.findall(r'<div class="(\w+)"><dt[^>]*>(.*?)</dt><dd>(.*?)</dd>', html, re.DOTALL)
    assert [kind for kind, _, _ in rows[:2]] == ["unbacked", "unbacked"]


async def test_two_products_for_a_bundle() -> None:
    model = ScriptedModel([FIRST])
    async with client_of(create_app(model, settings())) as client:
        bundle = {"channel": "bundle", "name_2": "收纳包", "attributes_2": "材质=羊毛毡"}
        await client.post("/", data={**FORM, **bundle})
    asked = model.calls[0][0][-1].content
    assert "商品1：听屿" in asked
    assert "商品2：收纳包" in asked


ATTACK = "\"><script>alert(1)</script><img src=x onerror=alert(1)>'&{{7*1911}}"


async def test_what_merchants_type_is_never_markup(client: httpx.AsyncClient) -> None:
    typed = {name: ATTACK for name in ("name", "brand", "category", "price", "audience", "keywords", "avoid", "n")}
    page = await client.post("/", data={**FORM, **typed, "attributes": f"{ATTACK}\n</textarea>{ATTACK}"})
    assert "<script>alert" not in page.text
    assert "<img src=x" not in page.text
    assert "13377" not in page.text
    assert Page(page.text).values()["name"] == ATTACK


async def test_what_the_model_writes_is_never_markup() -> None:
    reply = FIRST.replace("小房间。46dB", f"小房间{ATTACK}。46dB")
    async with client_of(create_app(ScriptedModel([reply]), settings())) as client:
        plain = await client.post("/", data=FORM)
        streamed = await client.post("/", data=FORM, headers={"Accept": "text/event-stream"})
    assert "<script>alert" not in plain.text
    name, data = parse_events(streamed.text)[-1]
    assert name in ("result", "error")
    assert "<script>alert" not in data["html"]


async def test_a_page_with_a_script_gets_drafts_and_then_the_finished_html(client: httpx.AsyncClient) -> None:
    response = await client.post("/", data=FORM, headers={"Accept": "text/event-stream, text/html"})
    assert response.headers["X-AI-Generated"] == "true"
    events = parse_events(response.text)
    assert {name for name, _ in events[:-1]} == {"token"}
    name, data = events[-1]
    assert name == "result"
    assert "通勤路上的一间小房间" in data["html"]
    assert "<html" not in data["html"]


async def test_a_form_that_cannot_be_sent_on_comes_back_as_a_page_even_to_a_script(client: httpx.AsyncClient) -> None:
    response = await client.post("/", data={**FORM, "name": ""}, headers={"Accept": "text/event-stream, text/html"})
    assert response.status_code == 422
    assert response.headers["Content-Type"].startswith("text/html")


@pytest.mark.parametrize("path", PAGES)
async def test_pages_need_no_inline_script_or_style_and_load_nothing_from_elsewhere(
    client: httpx.AsyncClient, path: str
) -> None:
    response = await client.get(path)
    policy = response.headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Referrer-Policy"] == "same-origin"
    for tag, attrs in Page(response.text).tags:
        assert not any(name.startswith("on") or name == "style" for name in attrs), (tag, attrs)
        assert tag != "style"
        for name in ("src", "href", "action"):
            assert not attrs.get(name, "").startswith(("http:", "https:", "//", "data:", "javascript:"))
        assert tag != "script" or attrs["src"].startswith("/static/")


@pytest.mark.parametrize("path", ["/", "/?sample=1", "/check?sample=1", "/ideas"])
async def test_every_control_has_a_label_and_ids_are_unique(client: httpx.AsyncClient, path: str) -> None:
    page = Page((await client.get(path)).text)
    ids = [attrs["id"] for _, attrs in page.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    labelled = {attrs["for"] for attrs in page.all("label") if "for" in attrs}
    for at, (tag, attrs) in enumerate(page.tags):
        if tag in ("input", "textarea", "select"):
            named = at in page.wrapped or "aria-label" in attrs or attrs.get("type") == "hidden"
            assert named or attrs["id"] in labelled, attrs
        for described in attrs.get("aria-describedby", "").split():
            assert described in ids


async def test_the_sample_can_be_sent_at_once(client: httpx.AsyncClient) -> None:
    page = (await client.get("/?sample=1")).text
    assert "听屿 N3" in page
    assert 'value="discover" checked' in page


async def test_a_missing_page_is_a_page_for_people_and_json_for_programs(client: httpx.AsyncClient) -> None:
    page = await client.get("/nowhere")
    assert (page.status_code, "没有这个页面" in page.text) == (404, True)
    assert (await client.get("/nowhere", headers={"Accept": "*/*"})).json()["error"]["code"] == "not_found"


async def test_the_api_page_names_every_path_and_body(client: httpx.AsyncClient) -> None:
    document = (await client.get("/openapi.json")).json()
    page = (await client.get("/docs")).text
    for path in document["paths"]:
        assert f"<code>{path}</code>" in page
    for name in document["components"]["schemas"]:
        assert f'id="{name}"' in page


async def test_the_first_screen_is_light(client: httpx.AsyncClient) -> None:
    assets = [attrs for tag, attrs in Page((await client.get("/")).text).tags if tag in ("script", "link", "img")]
    paths = {"/", *(attrs.get("src") or attrs["href"] for attrs in assets)}
    assert any("htmx" in path for path in paths)
    parts = [(await client.get(path)).content for path in paths]
    assert sum(len(gzip.compress(part)) for part in parts) < 100_000
