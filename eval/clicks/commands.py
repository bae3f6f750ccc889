"""`copygen-eval calibrate` and `copygen-eval predict`.

What they need beyond the default install is loaded when they run.
"""

import json
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.errors import CopygenError, InvalidFile

if TYPE_CHECKING:
    from eval.clicks.model import Verdict

out = Console(soft_wrap=True, highlight=False)
err = Console(stderr=True, soft_wrap=True, highlight=False)
MOST_ERRORS = 20
"""Bad rows shown; the report has the rest."""


def _fail(error: CopygenError) -> typer.Exit:
    err.print(f"[red]{error.code}[/red] ", end="")
    err.print(error.message, markup=False)
    return typer.Exit(2)


def _need_scipy() -> None:
    if find_spec("scipy") is None:
        err.print("scipy is not installed: pip install -e '.[eval]'", markup=False)
        raise typer.Exit(2)


def calibrate(
    clicks: Annotated[
        Path, typer.Argument(help="CSV export: copy, impressions, clicks, product; position, slot, date.")
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="Where the model goes.")] = Path("model.json"),
    report: Annotated[
        Path | None, typer.Option(help="Where the validity report goes, as .json and .md; default: beside the model.")
    ] = None,
    map_: Annotated[list[str] | None, typer.Option("--map", help="COLUMN=FIELD, e.g. 素材=copy; repeatable.")] = None,
    level: Annotated[
        float, typer.Option(min=0.5, max=0.99, help="Confidence before the model says which copy is better.")
    ] = 0.8,
    seed: Annotated[int, typer.Option(help="Of the split and the resampling.")] = 0,
) -> None:
    """Learn from a shop's clicks which of two copies draws more, and report how far that can be trusted."""
    _need_scipy()
    from eval.clicks.calibrate import calibrate as learn
    from eval.clicks.calibrate import write_report
    from eval.clicks.export import read_export, read_maps
    from eval.clicks.model import fits_needed

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        export = read_export(clicks, read_maps(map_ or []))
        for error in export.errors[:MOST_ERRORS]:
            err.print(f"{clicks.name} {error}; left out", markup=False)
        if len(export.errors) > MOST_ERRORS:
            err.print(f"… and {len(export.errors) - MOST_ERRORS} more rows left out", markup=False)
        with Progress(*columns, console=err) as progress:
            task = progress.add_task("learning", total=3 * fits_needed())
            done = lambda: progress.advance(task)  # noqa: E731  one line
            found = learn(export, str(clicks), level=level, seed=seed, done=done)
    except CopygenError as error:
        raise _fail(error) from error
    found.model.save(output)
    base = report or output.with_name(f"{output.stem}.validity")
    files = write_report(found, export, base.with_suffix(".json") if report else Path(f"{base}.json"))
    for validity in found.validities:
        out.print(validity.line(), markup=False)
    for note in found.notes:
        out.print(f"note: {note}", markup=False)
    out.print(f"{output}: the model; {files[1]}: its validity", markup=False)


def predict(
    a: Annotated[str, typer.Option("--a", help="One copy.")],
    b: Annotated[str, typer.Option("--b", help="The other.")],
    model: Annotated[
        Path | None, typer.Argument(help="What calibrate wrote; without it, the bundled prior speaks.")
    ] = None,
    brief: Annotated[
        Path | None, typer.Option(help="JSON record of the product, for the prior's features that need it.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object instead of text.")] = False,
) -> None:
    """Say which of two copies is likelier to draw more clicks, or that it cannot tell."""
    _need_scipy()
    from eval.clicks import prior
    from eval.clicks.model import ClickModel
    from eval.features import FEATURES, Subject, score_all

    try:
        about = _read_brief(brief)
        scores = [score_all(Subject(AdCopy(body=text), about)) for text in (a, b)]
        if model is None:
            verdict, parts = prior.compare(scores[0], scores[1])
            name, lines = prior.NAME, [prior.VALIDITY]
            reasons = [
                f"{FEATURES[part.name].title}：{'A' if part.adds > 0 else 'B'} 占优；{part.reason}"
                for part in parts[:5]
            ]
        else:
            loaded = ClickModel.load(model)
            (verdict,) = loaded.verdicts([(a, b)])
            name, reasons = str(loaded.about.get("name", "click proxy")), []
            measured = loaded.about.get("validity")
            lines = [str(one["line"]) for one in measured] if isinstance(measured, list) else []
            lines = lines or [f"{name}; validity: not measured"]
    except CopygenError as error:
        raise _fail(error) from error
    if as_json:
        features = [
            {key: {"value": s.value, "verdict": FEATURES[key].verdict(s), "reason": s.reason} for key, s in one.items()}
            for one in scores
        ]
        data = {
            "proxy": name,
            "validity": lines,
            **_shown(verdict),
            "reasons": reasons,
            "a": features[0],
            "b": features[1],
        }
        print(json.dumps(data, ensure_ascii=False, indent=1))
        return
    out.print(
        f"{verdict.decision}: P(A beats B) = {verdict.probability:.2f} [{verdict.low:.2f}, {verdict.high:.2f}]",
        markup=False,
    )
    for line in (*lines, *reasons):
        out.print(line, markup=False)


def _shown(verdict: "Verdict") -> dict[str, object]:
    return {
        "decision": verdict.decision,
        "probability": round(verdict.probability, 4),
        "interval": [round(verdict.low, 4), round(verdict.high, 4)],
    }


def _read_brief(path: Path | None) -> Brief | None:
    if path is None:
        return None
    try:
        return read_brief(json.loads(path.read_text(encoding="utf-8")))[0]
    except (OSError, ValueError) as error:
        raise InvalidFile(f"not a JSON record of a product: {error}", path=str(path)) from error
