"""`copygen batch`: a table in, a table out."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Literal

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from copygen.errors import InvalidFile
from copygen.write import WriteOptions

from serving.cli_engine import EngineFlag, ModelFlag, ToneFlag, open_engine, open_settings, write_options
from serving.cli_input import friendly
from serving.cli_rules import AllowFlag, BlockFlag
from serving.cli_show import show_columns, show_outcomes
from serving.facts import graph_facts
from serving.jobs.batch import write_file, write_rows
from serving.jobs.columns import Choice, read_choice
from serving.jobs.google_ads import COPIES, SEARCH_AD, AdDefaults, AdsTable
from serving.jobs.table_files import LabelledFile, check_ending
from serving.jobs.table_io import Row, read_rows, spread
from serving.jobs.table_out import RowResult, error_text
from serving.labels.labeller import Labeller, open_labeller
from serving.settings import Settings

_SHOWN_ERRORS = 10
out = Console()
err = Console(stderr=True)


@dataclass(frozen=True, slots=True)
class _Source:
    """A file of briefs, read anew each time: it may be larger than memory."""

    path: Path
    defaults: dict[str, str]
    choice: Choice
    ads: bool

    def rows(self) -> Iterator[Row]:
        """One for each channel of each row."""
        rows = spread(read_rows(self.path, self.defaults, choice=self.choice))
        return map(_with_copies_for_an_ad, rows) if self.ads else rows


@dataclass(slots=True)
class _Tally:
    """What became of the rows; the outcomes themselves only where they are shown afterwards."""

    keep: bool
    written: int = 0
    failed: int = 0
    errors: list[str] = field(default_factory=list)
    outcomes: list[RowResult] = field(default_factory=list)

    def add(self, outcome: RowResult) -> None:
        if outcome.error is None:
            self.written += 1
        else:
            self.failed += 1
            if len(self.errors) < _SHOWN_ERRORS:
                self.errors.append(f"[red]{outcome.error.code}[/red] {error_text(outcome)}")
        if self.keep:
            self.outcomes.append(outcome)


@friendly
def batch(
    source: Annotated[Path, typer.Argument(help="Products: .csv, .tsv, .xlsx, .jsonl or .json.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Copies: .csv, .xlsx or .jsonl.")],
    channel: Annotated[
        str | None,
        typer.Option("--channel", "-c", help="For rows that do not say; several with commas: discover,note."),
    ] = None,
    tone: ToneFlag = None,
    audience: Annotated[str | None, typer.Option(help="Whom it is for, for rows that do not say.")] = None,
    lang: Annotated[str | None, typer.Option(help="zh-Hans or zh-Hant, for rows that do not say.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="What a column is: 品名=name; 库存=- leaves it out. Repeat for more."),
    ] = None,
    attr: Annotated[
        list[str] | None, typer.Option(help="The attribute columns: 材质,颜色; other unknown ones are left out.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show what the columns are read as and stop.")] = False,
    split_by: Annotated[Literal["channel"] | None, typer.Option(help="One file for each channel.")] = None,
    google_ads: Annotated[Path | None, typer.Option(help="Search ads as a .csv for Google Ads Editor, on top.")] = None,
    campaign: Annotated[str, typer.Option(help="Campaign of ads whose row has none.")] = AdDefaults().campaign,
    final_url: Annotated[str, typer.Option(help="Landing page of ads whose row has none.")] = "",
    concurrency: Annotated[int, typer.Option(min=1, max=64, help="Rows under way at once.")] = 8,
    block: BlockFlag = None,
    allow: AllowFlag = None,
    show: Annotated[bool, typer.Option(help="Print the copies as a table.")] = False,
    engine: EngineFlag = None,
    model: ModelFlag = None,
) -> None:
    """Write copy for every row of a file, in order; bad rows are reported in their place."""
    given = {"channel": channel, "tone": tone, "audience": audience, "lang": lang}
    defaults = {key: value for key, value in given.items() if value is not None}
    briefs = _Source(source, defaults, read_choice(mapping or [], attr or []), google_ads is not None)
    first = next(briefs.rows(), None)
    if first is None:
        raise InvalidFile("no rows", path=str(source))
    if first.columns:
        show_columns(err, first)
    if dry_run:
        return
    check_ending(output)  # before the engine takes its seconds to load
    ads = None
    if google_ads is not None:
        if google_ads.suffix.lower() != ".csv":
            raise InvalidFile("Google Ads Editor imports .csv", path=str(google_ads))
        ads = LabelledFile(google_ads, partial(AdsTable, defaults=AdDefaults(campaign, final_url)))
    settings = open_settings(engine=engine, model=model)
    labeller, options = open_labeller(settings), write_options(settings, block, allow)
    tally = _Tally(keep=show)
    files = asyncio.run(
        _write(briefs, output, settings, options, labeller, concurrency, split_by is not None, ads, tally)
    )
    if show:
        show_outcomes(out, tally.outcomes, labeller)
    for line in tally.errors:
        err.print(line, highlight=False)
    out.print(f"{tally.written} written, {tally.failed} failed -> {', '.join(map(str, files))}", highlight=False)
    if ads is not None:
        out.print(f"{ads.table.written} ads -> {google_ads}", highlight=False)
        for reason, count in ads.table.left_out.items():
            err.print(f"{count} left out: {reason}", highlight=False)


async def _write(
    briefs: _Source,
    output: Path,
    settings: Settings,
    options: WriteOptions,
    labeller: Labeller,
    concurrency: int,
    by_channel: bool,
    ads: LabelledFile[AdsTable] | None,
    tally: _Tally,
) -> list[Path]:
    columns = (TextColumn("writing"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    async with open_engine(settings) as model:
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("writing", total=_count(briefs))

            def done(outcome: RowResult) -> None:
                tally.add(outcome)
                progress.advance(task)

            results = write_rows(briefs.rows(), model, options=options, facts=graph_facts, concurrency=concurrency)
            return await write_file(results, output, labeller=labeller, done=done, by_channel=by_channel, ads=ads)


def _count(briefs: _Source) -> int | None:
    """Rows to come, for the bar; None for XLSX, which takes too long to read twice."""
    return None if briefs.path.suffix.lower() == ".xlsx" else sum(1 for _ in briefs.rows())


def _with_copies_for_an_ad(row: Row) -> Row:
    if row.error is not None or row.record.get("channel") != SEARCH_AD or "n" in row.record:
        return row
    return replace(row, record={**row.record, "n": COPIES})
