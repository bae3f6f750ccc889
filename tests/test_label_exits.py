"""Walks every way copy can leave and fails on one that leaves without its label, or that nobody has thought about.

A new route, command or format has to be added here: to what carries copy, with how to call it, or to what is silent.
"""

import html
import io
import json
import zipfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, Mount, Route

from copygen.chat_model import ScriptedModel
from copygen.label import EXPLICIT, make_label

from serving.app import create_app
from serving.jobs.intake import submit
from serving.jobs.job import JobOptions
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.labels.labeller import open_labeller
from tests.app_client import client_of, settings
from tests.job_support import jsonl, write_job
from tests.live_server import FIRST, RECORD, SECOND
from tests.test_serving_labels import agreement_file
from tests.test_serving_web import FORM, Page

ROOT = Path(__file__).resolve().parent.parent
EVENTS = {"Accept": "text/event-stream"}
PAGE = {"Accept": "text/html"}
TITLE = FIRST.splitlines()[0].removeprefix("标题：")
BODY = FIRST.splitlines()[1].removeprefix("正文：")
NUMBER = make_label(f"{TITLE}\n{BODY}", "某店").produce_id
"""What every exit has to give this copy."""

SHOWN = {"title": TITLE, "body": BODY}
EDITED = {"brief": json.dumps(RECORD, ensure_ascii=False), "number": "1", **SHOWN}
"""A card of the page as it is sent back."""
KNOWN = {name: RECORD[name] for name in ("channel", "products", "facts")}

# What carries copy -> how to ask for it, in every form it has.
CARRYING: dict[tuple[str, str], list[dict[str, Any]]] = {
    ("POST", "/v1/copies"): [
        {"json": RECORD},
        {"json": RECORD, "headers": EVENTS},
        {"json": {**RECORD, "stream": True}},
    ],
    ("POST", "/"): [{"data": {**FORM, "n": "1"}, "headers": accept} for accept in (PAGE, EVENTS)],
    ("POST", "/v1/proofs"): [
        {"json": {**KNOWN, "copy": {"title": TITLE, "body": BODY}}, "headers": accept} for accept in ({}, PAGE)
    ],
    ("GET", "/v1/jobs/{id}/result"): [{"params": {"format": ending}} for ending in ("csv", "xlsx", "jsonl")],
    ("GET", "/v1/experiments/{id}/pick"): [{}],
    ("GET", "/v1/published/{id}"): [{}],
    ("POST", "/copies/{action}"): [{"data": EDITED, "headers": headers} for headers in (PAGE, {"HX-Request": "true"})],
}
# Shows a copy while it is being edited: labelled, but nothing is recorded before the editor is closed.
DRAFTS = {("POST", "/copies/check"): {"data": EDITED, "headers": {"HX-Request": "true"}}}
# What never shows copy the model wrote -> how to ask, to see that the model is not asked.
SILENT: dict[tuple[str, str], dict[str, Any]] = {
    ("POST", "/v1/jobs"): {"json": {"records": [RECORD]}},
    ("GET", "/v1/jobs"): {},
    ("GET", "/v1/jobs/{id}"): {},
    ("GET", "/v1/jobs/{id}/events"): {},
    ("POST", "/v1/jobs/{id}/pause"): {},
    ("POST", "/v1/jobs/{id}/resume"): {},
    ("POST", "/v1/jobs/{id}/cancel"): {},
    ("POST", "/v1/jobs/{id}/retry-failed"): {},
    ("POST", "/v1/events"): {
        "json": {"events": [{"id": "e", "kind": "click", "copy_id": "c", "slot": "home"}]},
    },
    ("GET", "/v1/events/counts"): {},
    ("POST", "/v1/experiments"): {"json": {"brief": RECORD, "slot": "home", "copies": [SHOWN, {"title": "另一条"}]}},
    ("GET", "/v1/experiments"): {},
    ("GET", "/v1/experiments/{id}"): {},
    ("POST", "/v1/experiments/{id}/stop"): {},
    ("POST", "/v1/published"): {"json": {"brief": RECORD, "slot": "home", "copy": SHOWN}},
    ("GET", "/v1/published"): {},
    ("POST", "/v1/published/{id}/end"): {},
    ("POST", "/v1/published/recheck"): {"json": {}},
    ("POST", "/v1/checks"): {"json": {"text": "给别人写的文案"}},
    ("GET", "/v1/labels/{id}"): {},
    ("POST", "/v1/labels/{id}/check"): {"json": {"text": "给别人写的文案"}},
    ("GET", "/v1/channels"): {},
    ("GET", "/v1/model"): {},
    ("GET", "/healthz"): {},
    ("GET", "/readyz"): {},
    ("GET", "/"): {},
    ("GET", "/check"): {},
    ("POST", "/check"): {"data": {"text": "给别人写的文案"}},
    ("POST", "/check/fix"): {"data": {"text": "给别人写的文案", "finding": "all"}},
    ("POST", "/check/proof"): {"data": {"text": "给别人写的文案"}},
    ("POST", "/fill"): {"data": {"paste": "竹杯 39元"}},
    ("GET", "/ideas"): {},
    ("POST", "/preferences"): {"data": {"theme": "dark"}},
    ("GET", "/docs"): {},
    ("GET", "/openapi.json"): {},
}


def routes_of(routes: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in routes:
        included = getattr(route, "original_router", None)  # FastAPI keeps what was included as it was
        if included is not None:
            yield from routes_of(included.routes)
        elif isinstance(route, Mount):
            assert route.path == "/static", f"{route.path}: a mount may carry copy; say how it is labelled"
        else:
            assert isinstance(route, APIRoute | Route), f"{route}: does it carry copy?"
            yield from ((method, route.path) for method in route.methods or () if method != "HEAD")


@asynccontextmanager
async def client_with(model: ScriptedModel, tmp_path: Path, **values: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(model, settings(data=tmp_path, provider="某店", **values))) as client:
        yield client


def app_of(tmp_path: Path) -> FastAPI:
    return create_app(ScriptedModel([FIRST]), settings(data=tmp_path))


def test_every_route_is_known(tmp_path: Path) -> None:
    found = set(routes_of(app_of(tmp_path).routes))
    assert len(found) > 10
    assert found == CARRYING.keys() | SILENT.keys() | DRAFTS.keys()


def test_a_route_that_answers_with_copy_is_among_those_that_carry_it(tmp_path: Path) -> None:
    """Read off the API document: an answer with a title and a body anywhere in it is copy."""
    document = app_of(tmp_path).openapi()
    schemas = document["components"]["schemas"]

    def holds_copy(schema: object, seen: frozenset[str] = frozenset()) -> bool:
        if isinstance(schema, list):
            return any(holds_copy(part, seen) for part in schema)
        if not isinstance(schema, dict):
            return False
        name = str(schema.get("$ref", "")).rsplit("/", 1)[-1]
        if name and name not in seen:
            return holds_copy(schemas[name], seen | {name})
        if {"title", "body"} <= set(schema.get("properties", ())):
            return True
        return any(holds_copy(part, seen) for part in schema.values())

    carrying = {
        (method.upper(), path)
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
        if holds_copy(operation["responses"])
    }
    answering = {("POST", "/v1/copies"), ("GET", "/v1/experiments/{id}/pick"), ("GET", "/v1/published/{id}")}
    assert carrying == answering  # the others answer with pages and files


@pytest.mark.parametrize("method_path", SILENT, ids=" ".join)
async def test_a_silent_route_does_not_ask_the_model(tmp_path: Path, method_path: tuple[str, str]) -> None:
    model = ScriptedModel([FIRST])
    method, path = method_path
    async with client_with(model, tmp_path) as client:
        response = await client.request(method, path.replace("{id}", "0" * 32), **SILENT[method_path])
    assert response.status_code in (200, 201, 202, 303, 404)
    assert model.calls == []
    assert TITLE not in response.text


WALK = [
    pytest.param(key, call, id=f"{' '.join(key)} {i}")
    for key, calls in CARRYING.items()
    for i, call in enumerate(calls)
]


async def ask(
    client: httpx.AsyncClient, tmp_path: Path, method_path: tuple[str, str], call: dict[str, Any]
) -> httpx.Response:
    """Ask for copy, after what has to have happened before."""
    method, path = method_path
    if path == "/v1/proofs":  # proves what was written before
        await client.post("/v1/copies", json=RECORD)
    if "/experiments/" in path:
        body = {"brief": RECORD, "slot": "home", "copies": [SHOWN, {"title": "另一条"}]}
        made = (await client.post("/v1/experiments", json=body)).json()
        await client.post(f"/v1/experiments/{made['id']}/stop", json={"keep": made["copies"][0]})
        path = path.replace("{id}", made["id"])
    elif "/published/" in path:
        made = (await client.post("/v1/published", json={"brief": RECORD, "slot": "home", "copy": SHOWN})).json()
        path = path.replace("{id}", made["id"])
    elif "{action}" in path:
        path = path.replace("{action}", "done")
    elif "{id}" in path:
        with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
            job = submit(store, jsonl(tmp_path / "briefs.jsonl", [RECORD]), JobOptions())
            await write_job(store, job, ScriptedModel([FIRST]), settings())
        path = path.replace("{id}", job.id)
    return await client.request(method, path, **call)


def words_of(response: httpx.Response) -> str:
    """Everything that came; of an XLSX, its parts."""
    if not response.content.startswith(b"PK"):
        return f"{response.text}\n{response.headers.get('X-AIGC', '')}"
    with zipfile.ZipFile(io.BytesIO(response.content)) as book:
        return html.unescape("\n".join(book.read(name).decode() for name in book.namelist()))


@pytest.mark.parametrize(("method_path", "call"), WALK)
async def test_every_route_labels_what_it_carries(
    tmp_path: Path, method_path: tuple[str, str], call: dict[str, Any]
) -> None:
    async with client_with(ScriptedModel([FIRST]), tmp_path) as client:
        response = await ask(client, tmp_path, method_path, call)
        words = words_of(response)
        assert response.status_code == 200, response.text
        assert TITLE in words
        assert EXPLICIT["zh-Hans"] in words
        assert NUMBER in words
        assert "ContentProducer" in words
        assert response.headers["X-AI-Generated"] == "true"
        (issue,) = (await client.get(f"/v1/labels/{NUMBER}")).json()["issued"]
    outlets = {"/": "page", "/copies/{action}": "page", "/v1/jobs/{id}/result": "file"}
    assert issue["outlet"] == outlets.get(method_path[1], "api")


@pytest.mark.parametrize("method_path", DRAFTS, ids=" ".join)
async def test_a_copy_in_the_editor_is_labelled_and_not_recorded(tmp_path: Path, method_path: tuple[str, str]) -> None:
    signed = agreement_file(tmp_path)
    async with client_with(ScriptedModel([FIRST]), tmp_path, unlabelled_agreement=signed) as client:
        response = await client.request(*method_path, **DRAFTS[method_path])
        assert EXPLICIT["zh-Hans"] in response.text
        assert response.headers["X-AI-Generated"] == "true"
        assert (await client.get(f"/v1/labels/{NUMBER}")).status_code == 404


@pytest.mark.parametrize(("method_path", "call"), WALK)
async def test_an_agreement_takes_the_words_from_every_route_and_nothing_else(
    tmp_path: Path, method_path: tuple[str, str], call: dict[str, Any]
) -> None:
    signed = agreement_file(tmp_path)
    async with client_with(ScriptedModel([FIRST]), tmp_path, unlabelled_agreement=signed) as client:
        words = words_of(await ask(client, tmp_path, method_path, call))
        assert TITLE in words
        assert EXPLICIT["zh-Hans"] not in words
        assert NUMBER in words
        (issue,) = (await client.get(f"/v1/labels/{NUMBER}")).json()["issued"]
    assert issue["handed_over"] is not None


async def test_every_copy_of_a_page_has_its_own_number_and_its_button_the_label(tmp_path: Path) -> None:
    async with client_with(ScriptedModel([FIRST, SECOND]), tmp_path) as client:
        page = Page((await client.post("/", data=FORM, headers=PAGE)).text)
    labels = [json.loads(attrs["data-aigc"])["AIGC"] for attrs in page.all("div") if "data-aigc" in attrs]
    copied = [attrs["data-copy"] for attrs in page.all("button") if "data-copy" in attrs]
    assert len(labels) == len(copied) == 2
    assert all(text.endswith(f"\n\n{EXPLICIT['zh-Hans']}") for text in copied)
    # What is pasted elsewhere is still the text the number stands for.
    assert [make_label(text, "某店").produce_id for text in copied] == [label["ProduceID"] for label in labels]


async def test_traditional_copy_has_its_own_words(tmp_path: Path) -> None:
    labeller = open_labeller(settings(data=tmp_path))
    (label,) = labeller.label(["文案"], "api", "zh-Hant")
    assert label.text == EXPLICIT["zh-Hant"]


def test_there_is_one_maker_of_labels_and_one_place_of_its_words() -> None:
    sources = [path for room in ("copygen", "serving") for path in (ROOT / room).rglob("*") if path.is_file()]
    texts = {
        path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8")
        for path in sources
        if path.suffix in (".py", ".html", ".js")
    }
    makers = {name for name, text in texts.items() if "make_label(" in text or "Label(EXPLICIT" in text}
    assert makers == {"copygen/label.py", "serving/labels/labeller.py"}
    assert {name for name, text in texts.items() if any(words in text for words in EXPLICIT.values())} == {
        "copygen/label.py"
    }
