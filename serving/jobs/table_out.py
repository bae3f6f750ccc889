"""One row's outcome as it is written: a JSON line, or cells of a table. Knows no file."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from copygen.candidate import Candidate
from copygen.channel import get_channel
from copygen.errors import CopygenError, InvalidFile, NoGoodCopy, UnknownChannel
from copygen.evidence import EvidenceReport, SupportKind
from copygen.finding import Finding
from copygen.label import Label
from copygen.write import WriteResult

from serving.jobs.columns import ATTRIBUTE, read_channels
from serving.jobs.table_io import Row

OUT_COLUMNS = (
    *("channel", "tone", "status", "title", "body", "points", "tags", "evidence", "findings", "proxy"),
    *("model", "prompt_id", "ai_label", "ai_id", "error_code", "error"),
)
FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""How a cell begins that a spreadsheet program may run."""

_KINDS: Mapping[SupportKind, str] = {
    "attribute": "属性",
    "price": "价格",
    "fact": "知识",
    "scene": "场景",
    "mood": "情绪",
    "unsupported": "无据",
    "contradicts": "矛盾",
}
_PLACE = re.compile(r"(?:products\[\d+\]\.)?(?P<use>\w+)(?:\[\d+\])?(?:[. ](?P<name>.+))?", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: Row
    result: WriteResult | None
    error: CopygenError | None

    @property
    def status(self) -> str:
        return "succeeded" if self.result is not None else "failed"

    @property
    def channel(self) -> str:
        """Id of the channel asked for; as the row has it where there is no such channel."""
        if self.result is not None:
            return get_channel(self.result.brief.channel).id
        return "、".join(read_channels(self.row.record.get("channel")))


def known_channel(outcome: RowResult) -> str:
    """Id of the channel, or 'other' where the row names none that exists."""
    try:
        return get_channel(outcome.channel).id
    except UnknownChannel:
        return "other"


def finding_json(finding: Finding) -> dict[str, object]:
    return {
        name: getattr(finding, name)
        for name in ("label", "where", "start", "end", "text", "reason", "article", "fix", "severity")
        if getattr(finding, name) != ""
    }


def candidate_json(candidate: Candidate) -> dict[str, object]:
    copy = candidate.copy
    return {"title": copy.title, "body": copy.body, "points": list(copy.points), "tags": list(copy.tags)}


def evidence_json(report: EvidenceReport) -> dict[str, object]:
    """How many clauses rest on what, and which of the brief's values were told."""
    kinds = Counter(clause.support.kind for clause in report.clauses)
    told = [clause.support.rests_on for clause in report.clauses if clause.support.rests_on]
    return {"clauses": len(report.clauses), "kinds": dict(kinds), "rests_on": list(dict.fromkeys(told))}


def _evidence_text(evidence: Mapping[str, Any]) -> str:
    """'6句：属性4、场景2；依据：续航、降噪深度'."""
    kinds = "、".join(
        f"{words}{evidence['kinds'][kind]}" for kind, words in _KINDS.items() if kind in evidence["kinds"]
    )
    names = (re.sub(r"^(?:products\[\d+\]\.)?(?:attributes\.)?", "", source) for source in evidence["rests_on"])
    told = "、".join(dict.fromkeys(names))
    return f"{evidence['clauses']}句：{kinds}" + (f"；依据：{told}" if told else "")


def place_of(row: Row, error: CopygenError) -> dict[str, object]:
    """Where in the file the error is: file, line and, where the error is of one field, its column and value."""
    place: dict[str, object] = {"file": row.file, "line": row.number}
    param = error.param
    match = _PLACE.fullmatch(param) if param and not isinstance(error, InvalidFile) else None
    if match is None:
        return place
    column = next((column.name for column in row.columns if column.use == match["use"]), None)
    if match["use"] == "attributes" and match["name"]:
        named = (column.name for column in row.columns if column.use == ATTRIBUTE)
        column = next((name for name in named if name == match["name"]), column)
    value = row.cells.get(column) if column else row.record.get(match["use"])
    return {**place, "column": column or param, "value": value}


def _error_text(row: Row, error: CopygenError) -> str:
    """'briefs.csv line 4, column 渠道, value 'billboard': …'; a file's own errors say where they are."""
    place = place_of(row, error)
    if isinstance(error, InvalidFile):
        return error.message
    where = f"{row.file} line {row.number}".lstrip()
    if place.get("column"):
        where += f", column {place['column']}"
    if place.get("value") not in (None, ""):
        where += f", value {str(place['value'])[:60]!r}"
    return f"{where}: {error.message}"


def error_text(outcome: RowResult) -> str:
    """One line for a merchant: file, line, column, value, what was expected and the fix."""
    return _error_text(outcome.row, outcome.error) if outcome.error is not None else ""


def result_json(outcome: RowResult, labels: Sequence[Label]) -> dict[str, Any]:
    """One line of JSONL output; `labels` are those of the row's copies."""
    record = outcome.row.record
    line: dict[str, Any] = {"id": record.get("id") or f"line-{outcome.row.number}", "status": outcome.status}
    if outcome.result is None:
        error = outcome.error or CopygenError()
        found = error.findings if isinstance(error, NoGoodCopy) else ()
        line["channel"] = outcome.channel
        line["findings"] = [finding_json(finding) for finding in found if isinstance(finding, Finding)]
        line["error"] = {"code": error.code, "message": error.message, "param": error.param}
        line["error"] |= place_of(outcome.row, error)
        return line
    result = outcome.result
    best, label = result.copies[0], labels[0]
    more = zip(result.copies[1:], labels[1:], strict=True)
    timings = result.timings
    line |= {
        "channel": result.brief.channel,
        "tone": result.brief.tone,
        "copy": candidate_json(best),
        "more": [{**candidate_json(candidate), **other.metadata()} for candidate, other in more],
        "proxy": {"value": best.score.value, "reasons": list(best.score.reasons)},
        "evidence": evidence_json(best.report.evidence),
        "findings": [finding_json(finding) for finding in best.findings],
        "facts": [[fact.subject, fact.relation, fact.object] for fact in result.facts],
        "changes": [{"field": change.field, "what": change.what} for change in result.changes],
        "ai_label": label.text,
        **label.metadata(),
        "model": result.model,
        "prompt_id": result.prompt_id,
        "prompt_hash": result.prompt_hash,
        "timings": {
            "first_token_ms": round(timings.first_token_ms, 1),
            "engine_ms": round(timings.engine_ms, 1),
            "own_ms": round(timings.own_ms, 2),
            "total_ms": round(timings.total_ms, 1),
        },
    }
    return line


def result_cells(outcome: RowResult, labels: Sequence[Label]) -> dict[str, str]:
    """One row of a table: the columns as they came, then ours. Not escaped: each format does it its own way."""
    line = result_json(outcome, labels)
    copy = line.get("copy", {})
    record = outcome.row.record
    ours = {
        "channel": outcome.channel,
        "tone": str(line.get("tone") or record.get("tone") or ""),
        "status": line["status"],
        "title": copy.get("title", ""),
        "body": copy.get("body", ""),
        "points": "\n".join(copy.get("points", ())),
        "tags": " ".join(f"#{tag}" for tag in copy.get("tags", ())),
        "evidence": _evidence_text(line["evidence"]) if "evidence" in line else "",
        "findings": "；".join(finding["reason"] for finding in line.get("findings", ())),
        "proxy": f"{line['proxy']['value']:.3f}" if "proxy" in line else "",
        "model": line.get("model", ""),
        "prompt_id": line.get("prompt_id", ""),
        "ai_label": line.get("ai_label", ""),
        "ai_id": labels[0].produce_id if labels else "",
        "error_code": line.get("error", {}).get("code", ""),
        "error": error_text(outcome),
    }
    theirs = dict(outcome.row.cells) or {"id": str(line["id"]), "name": _names(record)}
    return {f"{name} (input)" if name in ours else name: cell for name, cell in theirs.items()} | ours


def _names(record: Mapping[str, object]) -> str:
    products = record.get("products")
    names = [str(p.get("name", "")) for p in products if isinstance(p, Mapping)] if isinstance(products, list) else []
    return " + ".join(names)


def escape_cell(text: str) -> str:
    """A cell of a CSV that spreadsheet programs will not run as a formula."""
    return f"'{text}" if text.startswith(FORMULA) else text
