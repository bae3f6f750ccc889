"""What is done to a finished copy on the page: live check, one-click mends, other script, another copy."""

import html
import json
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from copygen import errors
from copygen.chat_model import ScriptedModel
from copygen.text import to_hant

from serving.app import create_app
from serving.facts import graph_facts
from serving.web.cards import stretches
from tests.app_client import FailingModel, client_of, settings
from tests.live_server import FIRST, SECOND
from tests.test_serving_web import ATTACK, FORM

HTMX = {"HX-Request": "true", "Accept": "text/html"}
TITLE, BODY = (line.partition("：")[2] for line in FIRST.splitlines())


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings(), facts=graph_facts)) as client:
        yield client


async def written(client: httpx.AsyncClient, **change: str) -> dict[str, str]:
    """The form of the first card, as a browser would send it."""
    page = (await client.post("/", data={**FORM, **change})).text
    brief = re.search(r'name="brief" value="(.*?)"', page)
    assert brief is not None
    return {"brief": html.unescape(brief[1]), "number": "1", "title": TITLE, "body": BODY}


async def test_the_verdict_follows_what_is_typed(client: httpx.AsyncClient) -> None:
    form = await written(client)
    good = (await client.post("/copies/check", data=form, headers=HTMX)).text
    assert "检查通过" in good and "5 处引用商品资料" in good
    bad = (
        await client.post("/copies/check", data={**form, "body": f"{BODY}全网第一，续航60小时。"}, headers=HTMX)
    ).text
    assert "有 2 处须改" in bad and "检查通过" not in bad
    assert "广告法第九条" in bad and "2 处没有依据" in bad
    assert 'id="counts-body-1" hx-swap-oob="true"' in bad
    assert "91/100" in bad
    assert "本内容由人工智能生成" in bad


async def test_the_verdict_comes_within_a_blink(client: httpx.AsyncClient) -> None:
    form = await written(client)
    times = []
    for number in range(12):
        response = await client.post("/copies/check", data={**form, "body": f"{BODY}{number}"}, headers=HTMX)
        times.append(response.elapsed.total_seconds())
    assert sorted(times)[len(times) // 2] < 0.15


def _keys(page: str) -> list[str]:
    return [html.unescape(key) for key in re.findall(r'name="finding" value="(\[.*?\])"', page)]


async def test_one_click_takes_out_what_breaks_the_law_and_nothing_else(client: httpx.AsyncClient) -> None:
    form = {**await written(client), "body": f"{BODY}全网第一，续航60小时。"}
    keys = _keys((await client.post("/copies/check", data=form, headers=HTMX)).text)
    law = next(key for key in keys if "absolute_term" in key)
    card = (await client.post("/copies/fix", data={**form, "finding": law}, headers=HTMX)).text
    assert f"{BODY}续航60小时。</textarea>" in card
    assert "有 1 处须改" in card
    card = (await client.post("/copies/fix", data={**form, "finding": "all"}, headers=HTMX)).text
    assert f"{BODY}</textarea>" in card
    assert "检查通过" in card


@pytest.mark.parametrize("key", ["", "[]", "null", "[1", '["a","body",-5,900,"x"]', '["a","nowhere",0,0,""]', "99"])
async def test_a_key_that_is_none_changes_nothing(client: httpx.AsyncClient, key: str) -> None:
    response = await client.post("/copies/fix", data={**await written(client), "finding": key}, headers=HTMX)
    assert response.status_code == 200
    assert f"{BODY}</textarea>" in response.text


async def test_the_other_script_and_back(client: httpx.AsyncClient) -> None:
    form = await written(client, keywords="降噪")
    card = (await client.post("/copies/script", data=form, headers=HTMX)).text
    assert f"{to_hant(BODY)}</textarea>" in card
    assert "檢查通過" not in card and "检查通过" in card  # the interface stays in its own language
    assert "本內容由人工智慧（AI）生成" in card
    record = json.loads(html.unescape(re.findall(r'name="brief" value="(.*?)"', card)[0]))
    assert (record["lang"], record["keywords"]) == ("zh-Hant", ["降噪"])
    back = {**form, "brief": json.dumps(record), "title": to_hant(TITLE), "body": to_hant(BODY)}
    assert f"{BODY}</textarea>" in (await client.post("/copies/script", data=back, headers=HTMX)).text


async def test_another_copy_takes_its_place(client: httpx.AsyncClient) -> None:
    card = (await client.post("/copies/again", data=await written(client), headers=HTMX)).text
    assert card.lstrip().startswith("<article")
    assert "把地铁调成静音模式" in card


async def test_when_there_is_no_other_copy_the_card_stays_and_says_why(client: httpx.AsyncClient) -> None:
    form = await written(client)
    async with client_of(create_app(FailingModel(errors.EngineUnavailable()), settings())) as broken:
        response = await broken.post("/copies/again", data=form, headers=HTMX)
    assert response.headers["HX-Retarget"] == "#alert-1"
    assert "写作引擎还没有准备好" in response.text


async def test_without_a_script_every_button_gives_a_whole_page(client: httpx.AsyncClient) -> None:
    form = await written(client)
    for action in ("done", "fix", "script", "again"):
        page = (await client.post(f"/copies/{action}", data=form, headers={"Accept": "text/html"})).text
        assert page.startswith("<!doctype html>")
        assert 'id="copy-1"' in page
        assert 'value="听屿 N3 真无线降噪耳机"' in page


async def test_what_was_edited_is_on_record_and_what_is_being_typed_is_not(client: httpx.AsyncClient) -> None:
    form = {**await written(client), "body": f"{BODY}听听看。"}

    def produce_id(page: str) -> str:
        found = re.search(r"&#34;ProduceID&#34;:&#34;(\w+)", page)
        assert found is not None
        return found[1]

    typing = produce_id((await client.post("/copies/check", data=form, headers=HTMX)).text)
    assert (await client.get(f"/v1/labels/{typing}")).status_code == 404
    done = produce_id((await client.post("/copies/done", data=form, headers=HTMX)).text)
    assert done == typing
    assert (await client.get(f"/v1/labels/{done}")).json()["issued"][0]["outlet"] == "page"


@pytest.mark.parametrize("action", ["check", "done", "fix", "script"])
async def test_what_is_typed_is_never_markup(client: httpx.AsyncClient, action: str) -> None:
    form = {**await written(client), "title": ATTACK, "body": f"{ATTACK}</textarea>{ATTACK}", "tags": ATTACK}
    page = (await client.post(f"/copies/{action}", data=form, headers=HTMX)).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


@pytest.mark.parametrize("brief", ["", "{", "[]", '{"products": []}', '{"channel": "discover", "products": [{}]}'])
async def test_a_broken_brief_is_refused(client: httpx.AsyncClient, brief: str) -> None:
    form: dict[str, Any] = {"brief": brief, "number": "1", "title": TITLE}
    assert (await client.post("/copies/check", data=form, headers=HTMX)).status_code in (400, 422)


async def test_facts_of_the_graph_are_not_taken_from_the_page(client: httpx.AsyncClient) -> None:
    form = await written(client)
    assert "facts" not in json.loads(form["brief"])


def test_stretches_are_the_text_itself() -> None:
    assert stretches("", (), ()) == ()
    (only,) = stretches("没有分句", (), ())
    assert "".join(run.text for run in only.runs) == "没有分句"


@pytest.mark.parametrize(("name", "value"), [("lang", "en"), ("theme", "dark")])
async def test_preferences_are_kept_in_a_cookie(client: httpx.AsyncClient, name: str, value: str) -> None:
    response = await client.post("/preferences", data={name: value}, headers={"Referer": "http://test/?sample=1"})
    assert (response.status_code, response.headers["Location"]) == (303, "/?sample=1")
    assert f"{name}={value}" in response.headers["Set-Cookie"]
    page = (await client.get("/")).text
    assert {"lang": '<html lang="en"', "theme": 'data-theme="dark"'}[name] in page


@pytest.mark.parametrize("referer", ["http://evil.example/x", "http://test//evil.example/", ""])
async def test_preferences_never_lead_elsewhere(client: httpx.AsyncClient, referer: str) -> None:
    response = await client.post("/preferences", data={"theme": "purple"}, headers={"Referer": referer})
    assert response.headers["Location"].startswith("/") and not response.headers["Location"].startswith("//")
    assert "Set-Cookie" not in response.headers
