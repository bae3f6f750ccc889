"""The `copygen-eval` command.

copygen-eval compare embedded:copygen-zh-0.5b embedded:runs/base --suite heldout --limit 200
"""

import asyncio
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from copygen.errors import CopygenError

from benchmarks.report import stamp
from eval.clicks import commands
from eval.runner import Run, difference_of, metric_of, run_model
from eval.samples import SUITES, load_suite
from eval.scorers import SCORERS
from serving.engines import open_engine

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Measure what a model writes.")
out = Console()
err = Console(stderr=True)
RESULTS = Path(__file__).resolve().parent / "results"
app.command()(commands.calibrate)
app.command()(commands.predict)


async def _run(spec: str, suite: str, limit: int | None, exemplars: int | None, cache: Path | None) -> Run:
    engine, _, model_name = spec.partition(":") if spec.startswith("embedded") else spec.partition("@")
    model = open_engine(engine, model=model_name)
    samples = load_suite(suite, limit)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(spec, total=len(samples))
        run = await run_model(samples, model, exemplars=exemplars, cache=cache, done=lambda: progress.advance(task))
    await model.aclose()
    return run


SuiteFlag = Annotated[str, typer.Option(help="A suite under eval/suites/, or a JSONL file of records with copy.")]
LimitFlag = Annotated[int | None, typer.Option(help="Only the first samples.")]
CacheFlag = Annotated[Path | None, typer.Option(help="JSONL file of completions, for resuming.")]


@app.command()
def compare(
    a: Annotated[str, typer.Argument(help="embedded:MODEL or URL@MODEL")],
    b: Annotated[str, typer.Argument(help="The baseline, in the same form.")],
    suite: SuiteFlag = "heldout",
    limit: LimitFlag = None,
    exemplars: Annotated[
        int | None, typer.Option(help="Example dialogues for both; default: what each asks for.")
    ] = None,
    cache: CacheFlag = None,
    save: Annotated[str | None, typer.Option(help="Save as eval/results/NAME.json.")] = None,
) -> None:
    """Score two models on the same briefs with the same prompt; exit 1 unless A is better on every score."""
    try:
        runs = [asyncio.run(_run(spec, suite, limit, exemplars, cache)) for spec in (a, b)]
    except CopygenError as error:
        err.print(f"[red]{error.code}[/red] {error.message}", highlight=False)
        raise typer.Exit(2) from error
    table = Table("score", "better", a, b, "difference [95 %]", "n")
    rows, all_better = [], True
    for name, (_, higher) in SCORERS.items():
        one, two, diff = metric_of(runs[0], name), metric_of(runs[1], name), difference_of(runs[0], runs[1], name)
        better = diff.mean > 0 if higher else diff.mean < 0
        all_better &= better
        table.add_row(
            name,
            "higher" if higher else "lower",
            f"{one.mean:.3f}",
            f"{two.mean:.3f}",
            f"{diff.mean:+.3f} [{diff.low:+.3f}, {diff.high:+.3f}]",
            str(one.n),
        )
        rows.append(
            {
                "score": name,
                "higher_is_better": higher,
                "a": one.mean,
                "b": two.mean,
                "difference": diff.mean,
                "low": diff.low,
                "high": diff.high,
                "n": one.n,
            }
        )
    out.print(table)
    if save:
        RESULTS.mkdir(exist_ok=True)
        result = {"a": runs[0].model, "b": runs[1].model, "suite": suite, "rows": rows, **stamp()}
        (RESULTS / f"{save}.json").write_text(json.dumps(result, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    out.print(f"better_on_all={str(all_better).lower()} n={len(runs[0].samples)}", highlight=False)
    raise typer.Exit(0 if all_better else 1)


@app.command()
def suites() -> None:
    """List the suites that come with the repository."""
    for path in sorted(SUITES.glob("*.jsonl")):
        samples = sum(1 for line in path.read_text(encoding="utf-8").splitlines() if line.strip())
        out.print(f"{path.stem}: {samples} samples", highlight=False)


def main() -> None:
    """Entry point of the `copygen-eval` command."""
    app()
