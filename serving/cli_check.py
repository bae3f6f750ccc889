"""`copygen check`: evidence and law for copy a person wrote, or for a file of cases, and the proof of it.

A case is a line with products, facts, channel and text; the answer is a line with id and findings.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.channel import get_channel
from copygen.check import CheckReport, check_copy, check_text
from copygen.errors import CopygenError, EngineError, InvalidBrief
from copygen.finding import Finding
from copygen.verify import Verifier, check_deep

from serving.jobs.table_io import read_rows
from serving.jobs.table_out import finding_json
from serving.labels.labeller import Labeller
from serving.proof_page import prove, write_proof

_CASE_ONLY = ("text", "labels", "spans", "note")


@dataclass(frozen=True, slots=True)
class Case:
    """One text or copy to check, and what may be known about its product."""

    text: str
    copy: AdCopy | None
    brief: Brief | None

    @property
    def pieces(self) -> list[tuple[str, str]]:
        """(where, text) of what is checked."""
        return self.copy.texts() if self.copy is not None else [("text", self.text)]


def read_case(record: Mapping[str, object]) -> Case:
    """Read a case: `text`, or `copy`, with the brief's fields where they are known.

    Raises:
        InvalidBrief: Neither text nor copy, or the brief's fields cannot be used.
    """
    fields = {key: value for key, value in record.items() if key not in _CASE_ONLY}
    brief = None
    if fields.get("products"):
        brief, _ = read_brief({"channel": "detail", **fields})
    text = record.get("text")
    if isinstance(text, str) and text.strip():
        return Case(text, None, brief)
    if isinstance(record.get("copy"), Mapping) and brief is not None:
        return Case("", AdCopy.model_validate(record["copy"]), brief)
    raise InvalidBrief("expected text, or copy together with products", field="text")


def check_case(case: Case, *, block: Sequence[str] = (), allow: Sequence[str] = ()) -> CheckReport:
    if case.copy is not None and case.brief is not None:
        return check_copy(case.copy, case.brief, get_channel(case.brief.channel), block=block, allow=allow)
    return check_text(case.text, case.brief, block=block, allow=allow)


async def check_case_deep(
    case: Case, verifier: Verifier, *, block: Sequence[str] = (), allow: Sequence[str] = ()
) -> CheckReport:
    """The fast checks, then the deep one where the product is known."""
    report = check_case(case, block=block, allow=allow)
    return report if case.brief is None else await check_deep(report, case.pieces, case.brief, verifier)


def export_proof(case: Case, report: CheckReport, labeller: Labeller, target: Path) -> None:
    """Write the proof pack of a checked case: .html to print, .json for programs.

    Raises:
        InvalidFile: Another ending, or a folder that cannot be written.
    """
    channel = get_channel(case.brief.channel).name if case.copy is not None and case.brief is not None else ""
    write_proof(prove(report, case.pieces, case.brief, labeller, channel=channel), target)


async def check_file(
    source: Path, out: Path, *, verifier: Verifier | None = None, block: Sequence[str] = (), allow: Sequence[str] = ()
) -> tuple[int, int]:
    """Check every line of a JSONL file.

    Args:
        verifier: Answers the deep check; None: the fast checks alone.

    Returns:
        Lines checked, and lines that could not be read (their output line holds the error).
    """
    checked = failed = 0
    part = out.with_name(out.name + ".part")
    with part.open("w", encoding="utf-8") as target:
        for row in read_rows(source):
            line: dict[str, Any] = {"id": row.record.get("id") or f"line-{row.number}"}
            try:
                if row.error is not None:
                    raise row.error
                case = read_case(row.record)
                if verifier is None:
                    report = check_case(case, block=block, allow=allow)
                else:
                    report = await check_case_deep(case, verifier, block=block, allow=allow)
                line["findings"] = [finding_json(finding) for finding in report.findings]
                checked += 1
            except EngineError:
                raise  # no line's own fault
            except CopygenError as error:
                line["error"] = {"code": error.code, "message": error.message, "param": error.param}
                failed += 1
            target.write(json.dumps(line, ensure_ascii=False) + "\n")
    part.replace(out)
    return checked, failed


def show_report(console: Console, case: Case, report: CheckReport) -> None:
    """The text with its findings marked, then one line for each."""
    for where, text in case.pieces:
        marked = Text(text)
        for finding in report.findings:
            if finding.where == where:
                marked.stylize("bold red" if finding.severity == "error" else "yellow", finding.start, finding.end)
        console.print(marked)
    for finding in report.findings:
        console.print(_line(finding), highlight=False)
    if not report.findings:
        console.print(
            "没有发现问题" if case.brief is not None else "没有发现违规用语；给出商品信息后还会核对事实", style="green"
        )


def _line(finding: Finding) -> Text:
    line = Text(f"{finding.label} ", style="red" if finding.severity == "error" else "yellow")
    line.append(f"「{finding.text}」{finding.reason}", style="")
    for name, value in (("依据", finding.article), ("改为", finding.fix), ("举证", finding.proof)):
        if value:
            line.append(f"  {name}：{value}", style="dim")
    return line
