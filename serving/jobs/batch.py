"""A file of briefs through `write()`, in order, a few at once; the simple form without a database.

The output file appears whole or not at all: rows go to OUT.part first. A bad row never stops the rest. Every copy and
the file itself carry their AI-generated labels.
"""

import asyncio
import csv
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol, TextIO

from copygen.brief import read_brief
from copygen.chat_model import ChatModel
from copygen.errors import CopygenError, InvalidFile
from copygen.finding import Finding
from copygen.label import Label
from copygen.write import Candidate, FactSource, WriteOptions, WriteResult, write

from serving.jobs.file_label import write_sidecar
from serving.jobs.table_io import Row, escape_cell
from serving.labels.labeller import Labeller

OUT_COLUMNS = ("status", "title", "body", "points", "tags", "ai_label", "ai_id", "findings", "error_code", "error")


@dataclass(frozen=True, slots=True)
class RowResult:
    """What became of one row."""

    row: Row
    result: WriteResult | None
    error: CopygenError | None

    @property
    def status(self) -> str:
        return "succeeded" if self.result is not None else "failed"


async def write_rows(
    rows: Iterable[Row],
    model: ChatModel,
    *,
    options: WriteOptions,
    facts: FactSource | None = None,
    concurrency: int = 8,
) -> AsyncGenerator[RowResult, None]:
    """Yield one result for each row, in order; at most `concurrency` are under way or waiting to be yielded."""
    window: asyncio.Queue[asyncio.Task[RowResult]] = asyncio.Queue()
    source = iter(rows)

    def start_next() -> bool:
        row = next(source, None)
        if row is None:
            return False
        window.put_nowait(asyncio.create_task(_write_row(row, model, options, facts)))
        return True

    try:
        for _ in range(concurrency):
            if not start_next():
                break
        while not window.empty():
            result = await window.get_nowait()
            start_next()
            yield result
    finally:
        while not window.empty():
            window.get_nowait().cancel()


async def _write_row(row: Row, model: ChatModel, options: WriteOptions, facts: FactSource | None) -> RowResult:
    if row.error is not None:
        return RowResult(row, None, row.error)
    try:
        brief, changes = read_brief(row.record)
        return RowResult(row, await write(brief, model, options=options, facts=facts, changes=changes), None)
    except CopygenError as error:
        return RowResult(row, None, error)


def finding_json(finding: Finding) -> dict[str, object]:
    return {
        name: getattr(finding, name)
        for name in ("label", "where", "start", "end", "text", "reason", "article", "fix", "severity")
        if getattr(finding, name) != ""
    }


def candidate_json(candidate: Candidate) -> dict[str, object]:
    copy = candidate.copy
    return {"title": copy.title, "body": copy.body, "points": list(copy.points), "tags": list(copy.tags)}


def result_json(outcome: RowResult, labels: Sequence[Label]) -> dict[str, Any]:
    """One line of JSONL output; `labels` are those of the row's copies."""
    record = outcome.row.record
    line: dict[str, Any] = {"id": record.get("id") or f"line-{outcome.row.number}", "status": outcome.status}
    if outcome.result is None:
        error = outcome.error or CopygenError()
        line["error"] = {"code": error.code, "message": error.message, "param": error.param}
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
    """One row of CSV output: the columns as they came, then ours."""
    line = result_json(outcome, labels)
    copy = line.get("copy", {})
    error = line.get("error", {})
    ours = {
        "status": line["status"],
        "title": copy.get("title", ""),
        "body": copy.get("body", ""),
        "points": "\n".join(copy.get("points", ())),
        "tags": " ".join(f"#{tag}" for tag in copy.get("tags", ())),
        "ai_label": line.get("ai_label", ""),
        "ai_id": labels[0].produce_id if labels else "",
        "findings": "；".join(finding["reason"] for finding in line.get("findings", ())),
        "error_code": error.get("code", ""),
        "error": error.get("message", ""),
    }
    theirs = dict(outcome.row.cells) or {"id": str(line["id"]), **_brief_cells(outcome.row.record)}
    theirs = {f"{name} (input)" if name in ours else name: cell for name, cell in theirs.items()}
    return {name: escape_cell(value) for name, value in (theirs | ours).items()}


def _brief_cells(record: Mapping[str, object]) -> dict[str, str]:
    products = record.get("products")
    names = [str(p.get("name", "")) for p in products if isinstance(p, Mapping)] if isinstance(products, list) else []
    return {"name": " + ".join(names), "channel": str(record.get("channel", "")), "tone": str(record.get("tone", ""))}


class _Table(Protocol):
    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None: ...


class _Jsonl:
    def __init__(self, out: TextIO) -> None:
        self._out = out

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        self._out.write(json.dumps(result_json(outcome, labels), ensure_ascii=False) + "\n")


class _Csv:
    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._writer: csv.DictWriter[str] | None = None

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        cells = result_cells(outcome, labels)
        if self._writer is None:
            theirs = [name for name in cells if name not in OUT_COLUMNS]
            self._writer = csv.DictWriter(self._out, [*theirs, *OUT_COLUMNS], restval="", extrasaction="ignore")
            self._writer.writeheader()
        self._writer.writerow(cells)


FORMATS: Mapping[str, Callable[[TextIO], _Table]] = {".csv": _Csv, ".jsonl": _Jsonl}
"""What a file of copies can be, by ending; neither has metadata of its own, so each gets a sidecar."""


async def write_file(
    outcomes: AsyncGenerator[RowResult, None], out: Path, *, labeller: Labeller, done: Callable[[RowResult], None]
) -> None:
    """Write outcomes to a .csv or .jsonl file and its label beside it, whole or not at all; `done` hears of each row.

    Raises:
        InvalidFile: An unknown ending, or a folder that cannot be written.
    """
    table_in = FORMATS.get(out.suffix.lower())
    if table_in is None:
        raise InvalidFile(f"unknown ending {out.suffix!r}; use {', '.join(FORMATS)}", path=str(out))
    part = out.with_name(out.name + ".part")
    encoding = "utf-8-sig" if out.suffix.lower() == ".csv" else "utf-8"  # Excel needs the mark
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        # A lone surrogate in a merchant's id becomes its JSON escape; it must not end the job.
        with part.open("w", encoding=encoding, errors="backslashreplace", newline="") as target:
            table = table_in(target)
            async with aclosing(outcomes) as results:
                async for outcome in results:
                    labels = labeller.label_result(outcome.result, "file") if outcome.result is not None else ()
                    table.add(outcome, labels)
                    target.flush()
                    done(outcome)
        write_sidecar(out, *labeller.label([part.read_bytes()], "file"))
        part.replace(out)
    except OSError as error:
        raise InvalidFile(f"cannot be written: {error.strerror or error}", path=str(out)) from error
