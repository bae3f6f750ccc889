"""The check page: copy written by hand, with or without its product, marked, mended by a click, proved on paper."""

import asyncio
from dataclasses import replace
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, Product, read_brief
from copygen.channel import Channel, FieldSpec
from copygen.check import CheckReport, check_text
from copygen.errors import InvalidBrief
from copygen.evidence import EvidenceReport
from copygen.label import NOT_OURS
from copygen.repair import repair

from serving.api.labels import LabellerDep
from serving.api.writer import Writer, WriterDep
from serving.proof_page import proof_html, prove
from serving.web.cards import Card, finding_of
from serving.web.form import WriteForm, sample_form
from serving.web.pages import FormRejected, form_context, read_form
from serving.web.view import is_partial, page

MAX_TEXT_CHARS = 20_000
FREE_TEXT = Channel(
    id="text",
    version=1,
    name="自由文案",
    name_hant="自由文案",
    name_en="Free text",
    instruction="",
    fields={"body": FieldSpec(label="正文", min=0, max=MAX_TEXT_CHARS, source="own rule")},
)
"""Text of any form as a copy with a body and no limits, so that one card shows and mends both."""
_NOBODY = Brief(products=(Product(name="-"),), channel="detail")
_SAMPLE = "全网第一的降噪耳机！46dB深度降噪，单耳只有4.2g，续航60小时，治好你的失眠。现在下单限时特惠，手慢无。"
router = APIRouter(prefix="/check", include_in_schema=False, default_response_class=HTMLResponse)


@router.get("")
async def show_form(request: Request, sample: bool = False) -> Response:
    values = {**sample_form().values, "text": _SAMPLE} if sample else {}
    return _page(request, WriteForm(values))


@router.post("")
async def check_form(request: Request, writer: WriterDep) -> Response:
    """What is wrong with the text, as a page or as the part of it that changes while someone types."""
    return await _checked(request, read_form(await request.form()), writer)


@router.post("/fix")
async def fix_form(request: Request, writer: WriterDep) -> Response:
    """The text with one finding mended, or with all of them."""
    data = await request.form()
    form = read_form(data)
    key = str(data.get("finding", ""))
    card = await asyncio.to_thread(_check, form, writer)
    found = list(card.report.findings) if key == "all" else [finding_of(key, card.copy)]
    wanted = [finding for finding in found if finding is not None]
    copy = await asyncio.to_thread(repair, card.copy, wanted, card.brief, FREE_TEXT)
    mended = WriteForm({**form.values, "text": copy.body})
    return await _checked(request, mended, writer, swap_text=True)


@router.post("/proof")
async def download_proof(request: Request, writer: WriterDep, labeller: LabellerDep) -> Response:
    """The proof pack as a file to keep, send and print; it holds its style in itself, which pages may not."""
    form = read_form(await request.form())
    text = form.get("text").strip()
    brief = _brief(form, writer)
    report = await asyncio.to_thread(check_text, text, brief)
    pack = prove(report, [("text", text)], brief, labeller)
    headers = {"Content-Disposition": f'attachment; filename="proof-{pack.sha256[:16]}.html"'}
    return HTMLResponse(proof_html(pack), headers=headers)


def _brief(form: WriteForm, writer: Writer) -> Brief | None:
    """What the text must be true of; None when no product is given."""
    if not form.is_filled(0):
        return None
    try:
        brief, _ = read_brief({"channel": "detail", "lang": form.get("lang"), "products": form.record()["products"]})
    except InvalidBrief as error:
        raise FormRejected(form, problems={}, error=error) from error
    facts = tuple(writer.facts(brief)) if writer.facts is not None else ()
    return brief.model_copy(update={"facts": facts})


def _check(form: WriteForm, writer: Writer) -> Card:
    text = form.get("text").strip()[:MAX_TEXT_CHARS]
    brief = _brief(form, writer)
    report = _about_body(check_text(text, brief))
    return Card.edited_by_hand(AdCopy(body=text), report, brief or _NOBODY, FREE_TEXT, NOT_OURS, 1)


def _about_body(report: CheckReport) -> CheckReport:
    findings = tuple(replace(finding, where="body") for finding in report.findings)
    evidence = report.evidence
    clauses = tuple(replace(clause, where="body") for clause in evidence.clauses)
    return CheckReport(findings, EvidenceReport(clauses, evidence.findings))


async def _checked(request: Request, form: WriteForm, writer: Writer, *, swap_text: bool = False) -> Response:
    card = await asyncio.to_thread(_check, form, writer) if form.get("text").strip() else None
    context = {"card": card, "has_product": form.is_filled(0)}
    if is_partial(request):
        return page(request, "_checked.html", {**context, "swap_text": swap_text, "form": form})
    return _page(request, form, **context)


def _page(request: Request, form: WriteForm, **more: Any) -> Response:
    return page(request, "check.html", {**form_context(form), **more})
