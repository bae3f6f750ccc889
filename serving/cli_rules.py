"""`copygen rules`: the rules of advertising law as files to read, compare and try on copy that is already written."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from copygen.brief import Brief, read_brief
from copygen.errors import CopygenError, InvalidBrief, InvalidFile, InvalidSetting
from copygen.rule import RuleDiff, RuleSet, diff_rules, load_rules
from copygen.rules_diff import CopyDiff, compare
from copygen.rules_page import render_rule, render_rules_page
from copygen.word_list import parse_word_list

from serving.cli_input import friendly
from serving.jobs.table_io import detect_encoding, read_rows
from serving.jobs.table_out import finding_json

rules = typer.Typer(no_args_is_help=True, help="Rules of advertising law: list, show, page, and what a change finds.")
out = Console()

BlockFlag = Annotated[
    Path | None, typer.Option("--block", help="File of words never to be shown: one a line, or with commas.")
]
AllowFlag = Annotated[Path | None, typer.Option("--allow", help="File of words you answer for: rules spare them.")]
RulesDiffFlag = Annotated[
    tuple[Path, Path] | None, typer.Option(help="Two folders of rules, OLD NEW: what a change finds in --jsonl copy.")
]
_BRIEF_ONLY = ("industry", "lang", "channel", "products", "facts", "keywords", "avoid")


def read_words(path: Path | None) -> tuple[str, ...]:
    """Words of a block or allow list; none without a file.

    Raises:
        InvalidFile: No such file, not text, or no list of words.
    """
    if path is None:
        return ()
    try:
        text = path.read_text(encoding=detect_encoding(path))
    except OSError as error:
        raise InvalidFile(f"cannot be read: {error.strerror}", path=str(path)) from error
    except UnicodeDecodeError as error:
        raise InvalidFile("not text; save it as UTF-8", path=str(path)) from error
    return tuple(parse_word_list(text, str(path)))


@dataclass(frozen=True, slots=True)
class Rescan:
    """What two editions of the rules say of a file of copy."""

    rules: RuleDiff
    checked: int
    failed: int
    changed: int
    """Copies with any difference."""
    newly: Counter[str]
    """Fragments by rule id."""
    no_longer: Counter[str]


def rescan(old: Path, new: Path, source: Path, target: Path | None) -> Rescan:
    """Check every stored copy under both editions; one JSONL line a copy goes to `target`, whole or not at all.

    Raises:
        PromptDataError: A folder is no rule set.
        InvalidFile: The copy cannot be read, or the target cannot be written.
    """
    before, after, changed_rules = load_rules(old), load_rules(new), diff_rules(old, new)
    newly: Counter[str] = Counter()
    no_longer: Counter[str] = Counter()
    lines, checked, failed, changed = [], 0, 0, 0
    for row in read_rows(source):
        line: dict[str, Any] = {"id": row.record.get("id") or f"line-{row.number}"}
        try:
            if row.error is not None:
                raise row.error
            diff = _compare(row.record, before, after)
            checked += 1
            changed += bool(diff)
            newly.update(rule for rule, _ in diff.newly)
            no_longer.update(rule for rule, _ in diff.no_longer)
            line |= _diff_json(diff)
        except CopygenError as error:
            failed += 1
            line["error"] = {"code": error.code, "message": error.message, "param": error.param}
        lines.append(json.dumps(line, ensure_ascii=False))
    if target is not None:
        _write(target, lines)
    return Rescan(changed_rules, checked, failed, changed, newly, no_longer)


def _compare(record: Mapping[str, object], old: RuleSet, new: RuleSet) -> CopyDiff:
    pieces = _pieces(record)
    return compare(pieces, _brief(record), old, new)


def _pieces(record: Mapping[str, object]) -> list[tuple[str, str]]:
    """(where, text) of a line: `text`, or `copy` and `more` as `copygen batch` writes them."""
    text = record.get("text")
    if isinstance(text, str) and text.strip():
        return [("text", text)]
    more = record.get("more")
    copies = [record.get("copy"), *(more if isinstance(more, list) else ())]
    pieces = []
    for number, copy in enumerate(copies):
        if not isinstance(copy, Mapping):
            continue
        prefix = f"more[{number - 1}]." if number else ""
        for field, value in copy.items():
            texts = value if isinstance(value, list) else [value]
            pieces += [
                (f"{prefix}{field}[{i}]" if isinstance(value, list) else f"{prefix}{field}", text)
                for i, text in enumerate(texts)
                if isinstance(text, str) and text
            ]
    if not pieces:
        raise InvalidBrief("expected text, or copy as `copygen batch` writes it", field="text")
    return pieces


def _brief(record: Mapping[str, object]) -> Brief | None:
    """What the copy was written from; without products only rules for all goods apply."""
    if not record.get("products"):
        return None
    known = {key: record[key] for key in _BRIEF_ONLY if key in record}
    return read_brief({"channel": "detail", **known})[0]


def _diff_json(diff: CopyDiff) -> dict[str, object]:
    return {
        name: [{"rule": rule, **finding_json(finding)} for rule, finding in found]
        for name, found in (("newly_flagged", diff.newly), ("no_longer_flagged", diff.no_longer))
    }


def _write(target: Path, lines: list[str]) -> None:
    part = target.with_name(target.name + ".part")
    try:
        part.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8", errors="backslashreplace")
        part.replace(target)
    except OSError as error:
        raise InvalidFile(f"cannot be written: {error.strerror or error}", path=str(target)) from error


def show_rescan(console: Console, done: Rescan) -> None:
    """Which rules changed, then how many fragments each rule newly finds or no longer finds."""
    for name in ("added", "removed", "changed"):
        ids: tuple[str, ...] = getattr(done.rules, name)
        console.print(f"rules {name}: {', '.join(ids) or 'none'}", highlight=False, soft_wrap=True)
    if done.newly or done.no_longer:
        table = Table("rule", "newly flagged", "no longer flagged")
        for rule in sorted(done.newly.keys() | done.no_longer.keys()):
            table.add_row(rule, str(done.newly[rule]), str(done.no_longer[rule]))
        console.print(table)
    console.print(
        f"{done.checked} checked, {done.changed} differ, {done.failed} unreadable: "
        f"{done.newly.total()} newly flagged, {done.no_longer.total()} no longer flagged",
        highlight=False,
    )


@rules.command("diff")
@friendly
def diff_command(
    old: Annotated[Path, typer.Argument(help="Folder of the old rules.")],
    new: Annotated[Path, typer.Argument(help="Folder of the new rules.")],
    jsonl: Annotated[Path, typer.Option(help="Stored copy: what `copygen batch` wrote, or cases with text.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSONL file of differences.")] = None,
) -> None:
    """Re-scan stored copy under two rule sets; the same as `copygen check --rules-diff OLD NEW`."""
    show_rescan(out, rescan(old, new, jsonl, output))


@rules.command("list")
@friendly
def list_command() -> None:
    """List the rules: id, version, label, law."""
    table = Table("rule", "label", "severity", "law")
    for rule in load_rules().rules:
        table.add_row(f"{rule.id} v{rule.version}", rule.label, rule.severity, f"{rule.law}{rule.article}")
    out.print(table)
    out.print(f"edition {load_rules().version}", highlight=False)


@rules.command("show")
@friendly
def show_command(rule: Annotated[str, typer.Argument(help="A rule's id, as `copygen rules list` prints it.")]) -> None:
    """Show one rule: law, source, reason, exceptions and examples."""
    known = load_rules().by_id()
    if rule not in known:
        raise InvalidSetting(f"no rule {rule!r}; `copygen rules list` names them all", name="rule")
    out.print(render_rule(known[rule]), markup=False, highlight=False)


@rules.command("page")
@friendly
def page_command() -> None:
    """Print the page of all rules: copygen rules page > docs/rules.md."""
    typer.echo(render_rules_page(), nl=False)
