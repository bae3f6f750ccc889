"""Paste to fill: a text a merchant pastes becomes the product's fields, guesses marked, everything editable."""

import asyncio
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from copygen.graph import builtin_graph

from serving.web.extract import MAX_CHARS, Extraction, extract
from serving.web.form import WriteForm, pair_lines
from serving.web.pages import form_context, form_page, read_form
from serving.web.view import is_partial, page

router = APIRouter(include_in_schema=False, default_response_class=HTMLResponse)


@router.post("/fill")
async def fill_form(request: Request, paste: Annotated[str, Form(max_length=MAX_CHARS)] = "") -> Response:
    """The form with the pasted product in place of the first one; the rest of it stays as it was."""
    typed = read_form(await request.form())
    found = await asyncio.to_thread(lambda: extract(paste, builtin_graph()))
    form = WriteForm({**typed.values, **_values(found), "paste": paste})
    more: dict[str, Any] = {"unsure": _unsure(found), "filled": _count(found)}
    if is_partial(request):
        return page(request, "_filled.html", {**form_context(form), **more})
    return form_page(request, form, **more)


def _values(found: Extraction) -> dict[str, str]:
    return {
        "name": found.name,
        "brand": found.brand,
        "category": found.category,
        "price": found.price,
        "attributes": pair_lines(found.attributes.items()),
    }


def _unsure(found: Extraction) -> set[str]:
    """Field names as the form has them; an attribute of the first product is .name."""
    return {name.removeprefix("attributes") for name in found.unsure}


def _count(found: Extraction) -> int:
    return len(found.attributes) + sum(bool(each) for each in (found.name, found.brand, found.category, found.price))
