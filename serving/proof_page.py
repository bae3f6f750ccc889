"""The proof pack of a checked text with what is on record of it, as one page to print on A4 or as JSON."""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

from jinja2 import Environment, FileSystemLoader

from copygen.brief import Brief
from copygen.check import CheckReport
from copygen.errors import InvalidFile
from copygen.proof import Origin, ProofPack, make_proof

from serving.labels.agreement import Agreement
from serving.labels.labeller import Labeller
from serving.labels.log import IssuedLabel

_TEMPLATES = Path(__file__).parent / "web" / "templates"
_PLACES = {"title": "标题", "body": "正文", "points": "卖点", "tags": "标签", "text": "全文"}
_WHERE = re.compile(r"(\w+)(?:\[(\d+)\])?")


def prove(
    report: CheckReport,
    pieces: Sequence[tuple[str, str]],
    brief: Brief | None,
    labeller: Labeller,
    *,
    channel: str = "",
) -> ProofPack:
    """The pack of a text checked just now; `channel` is its name for people."""
    entry = labeller.find_text("\n".join(text for _, text in pieces))
    return make_proof(
        report,
        pieces,
        brief,
        made_at=datetime.now(UTC).astimezone(),
        channel=channel,
        origin=_origin(entry) if entry is not None else None,
    )


def _origin(entry: IssuedLabel) -> Origin:
    agreement = Agreement.model_validate_json(entry.agreement) if entry.agreement else None
    return Origin(
        produce_id=entry.label.produce_id,
        producer=entry.label.producer,
        issued_at=entry.issued_at.astimezone().isoformat(timespec="seconds"),
        explicit_label=entry.label.text,
        handed_over_to=f"{agreement.user}（{agreement.signed_by}，{agreement.agreed_on}）" if agreement else "",
        model=entry.model,
        prompt_id=entry.prompt_id,
        aigc=entry.label.metadata()["AIGC"],
    )


def _place(where: str) -> str:
    """points[0] -> 卖点 1"""
    match = _WHERE.fullmatch(where)
    if match is None or match[1] not in _PLACES:
        return where
    return _PLACES[match[1]] + (f" {int(match[2]) + 1}" if match[2] else "")


def _when(iso: str) -> str:
    """2026-11-25T21:36:05+08:00 -> 2026年11月25日 21:36:05（UTC+08:00）"""
    at = datetime.fromisoformat(iso)
    return f"{at.year}年{at.month}月{at.day}日 {at:%H:%M:%S}（UTC{iso[-6:]}）"


_env = Environment(loader=FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True)
_env.filters["place"] = _place
_env.filters["when"] = _when


def proof_html(pack: ProofPack) -> str:
    """The page; it loads nothing, so it can be saved, sent and printed as one file."""
    aigc = json.dumps({"AIGC": pack.origin.aigc}, ensure_ascii=False) if pack.origin is not None else ""
    return _env.get_template("proof.html").render(pack=pack, aigc=aigc)


def proof_json(pack: ProofPack) -> str:
    return json.dumps(pack.as_json(), ensure_ascii=False, indent=2) + "\n"


def write_proof(pack: ProofPack, target: Path) -> None:
    """Write the pack as the ending says, whole or not at all.

    Raises:
        InvalidFile: An ending other than .html and .json, or a folder that cannot be written.
    """
    render = PROOF_FORMATS.get(target.suffix.lower())
    if render is None:
        known = ", ".join(PROOF_FORMATS)
        raise InvalidFile(f"unknown ending {target.suffix!r}; use {known} (a browser prints PDF)", path=str(target))
    part = target.with_name(target.name + ".part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(render(pack), encoding="utf-8")
        part.replace(target)
    except OSError as error:
        raise InvalidFile(f"cannot be written: {error.strerror or error}", path=str(target)) from error


PROOF_FORMATS: Mapping[str, Callable[[ProofPack], str]] = {".html": proof_html, ".json": proof_json}
"""What a proof can be, by ending."""
