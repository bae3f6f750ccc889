"""The check page and the idea library, without a script."""

import html
import re
from collections.abc import AsyncIterator

import httpx
import pytest

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from serving.web.ideas import examples, load_ideas, search
from tests.app_client import client_of, settings
from tests.test_serving_web import ATTACK, FORM
from tests.test_web_copies import HTMX

TEXT = "全网第一的降噪耳机。单耳4.2g，续航60小时。"
PRODUCT = {name: FORM[name] for name in ("name", "category", "price", "attributes")}


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([""]), settings())) as client:
        client.headers["Accept"] = "text/html"
        yield client


async def test_text_alone_is_checked_against_the_law(client: httpx.AsyncClient) -> None:
    page = (await client.post("/check", data={"text": TEXT})).text
    assert "广告法第九条" in page and "没有核对事实" in page
    assert '<mark class="error">' in page
    assert f"{TEXT}</textarea>" in page


async def test_with_its_product_every_clause_is_compared(client: httpx.AsyncClient) -> None:
    page = (await client.post("/check", data={**PRODUCT, "text": TEXT})).text
    kinds = re.findall(r'<span class="stretch (\w+)"[^>]*>(.*?)</span>', page, re.DOTALL)
    plain = {re.sub(r"<.*?>", "", text): kind for kind, text in kinds}
    assert plain["单耳4.2g，"] == "backed"
    assert plain["续航60小时。"] == plain["全网第一的降噪耳机。"] == "unbacked"


@pytest.mark.parametrize("headers", [HTMX, {}], ids=["htmx", "plain"])
async def test_a_click_mends_the_text_in_its_box(client: httpx.AsyncClient, headers: dict[str, str]) -> None:
    form = {**PRODUCT, "text": TEXT}
    page = (await client.post("/check", data=form)).text
    keys = [html.unescape(key) for key in re.findall(r'name="finding" value="(\[.*?\])"', page)]
    assert len(keys) == 2
    mended = (await client.post("/check/fix", data={**form, "finding": "all"}, headers=headers)).text
    box = re.search(r"<textarea id=\"text\".*?>\n(.*?)</textarea>", mended, re.DOTALL)
    assert box is not None and box[1] == "单耳4.2g。"
    assert "没有发现问题" in mended


async def test_the_proof_is_a_file_that_names_the_law(client: httpx.AsyncClient) -> None:
    response = await client.post("/check/proof", data={**PRODUCT, "text": TEXT})
    assert re.fullmatch(r'attachment; filename="proof-\w{16}\.html"', response.headers["Content-Disposition"])
    assert "广告文案依据说明" in response.text and "单耳4.2g" in response.text


async def test_what_is_checked_is_never_markup(client: httpx.AsyncClient) -> None:
    for path in ("/check", "/check/fix", "/check/proof"):
        page = (await client.post(path, data={"name": ATTACK, "text": f"{ATTACK}</textarea>", "category": ATTACK})).text
        assert "<script>alert" not in page and "<img src=x" not in page


async def test_an_empty_text_is_no_error(client: httpx.AsyncClient) -> None:
    for path in ("/check", "/check/fix"):
        response = await client.post(path, data={"text": " "})
        assert (response.status_code, "边写边查" in response.text) == (200, True)


async def test_a_product_without_a_name_is_said_so(client: httpx.AsyncClient) -> None:
    response = await client.post("/check", data={"text": TEXT, "category": "耳机"})
    assert response.status_code == 422


def test_search_finds_by_words_and_choices() -> None:
    found = search("耳机 地铁")
    assert found and all("耳机" in idea.haystack and "地铁" in idea.haystack for idea in found)
    assert {idea.channel for idea in search("耳机", channel="note")} == {"note"}
    assert search("這副耳機 通勤") == search("这副耳机 通勤")
    assert search("没有任何一条会写的话") == []
    assert len(search()) == len(load_ideas()) > 1000


def test_every_choice_of_the_form_has_an_example() -> None:
    for kind, shown in examples().items():
        if kind != "audience":
            missing = {name for name, text in shown.items() if not text} - {"detail"}  # none in the corpus
            assert missing == set(), kind


async def test_an_idea_prefills_the_form_with_its_way_of_speaking(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ideas", params={"q": "地铁", "tone": "质感"})).text
    (first, *_) = re.findall(r'href="(/\?like=[^"]+)"', page)
    form = (await client.get(html.unescape(first))).text
    assert '<input type="radio" name="tone" value="质感" checked>' in form
    assert "照灵感库这一条的写法" in form


async def test_pages_of_ideas_are_linked(client: httpx.AsyncClient) -> None:
    first = (await client.get("/ideas", params={"channel": "note"})).text
    (link,) = re.findall(r'href="(\?[^"]*at=24)"', first)
    second = (await client.get(f"/ideas{html.unescape(link)}")).text
    ids = [set(re.findall(r"like=([\w-]+)", page)) for page in (first, second)]
    assert ids[0] and ids[1] and not ids[0] & ids[1]


async def test_what_is_searched_is_never_markup(client: httpx.AsyncClient) -> None:
    page = (await client.get("/ideas", params={"q": ATTACK[:60], "industry": ATTACK[:60]})).text
    assert "<script>alert" not in page
    assert "没有找到" in page
