"""The `copygen` command: write, batch, check, serve, channels, model.

Composition root of the service, with cli_batch.py: where an engine, the knowledge graph and the core come together.
Expected failures print one line and exit 2; bugs keep their traceback.
"""

import asyncio
import json
from contextlib import nullcontext
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from copygen.brief import Record, read_brief
from copygen.channel import load_channels, load_tones
from copygen.check import CheckReport
from copygen.errors import InvalidBrief, InvalidFile
from copygen.prompt import phases
from copygen.write import TokenEvent, WriteOptions, WriteResult, stream_write

from serving.cli_batch import batch
from serving.cli_check import Case, check_case, check_case_deep, check_file, export_proof, read_case, show_report
from serving.cli_engine import (
    EngineFlag,
    ModelFlag,
    ToneFlag,
    open_engine,
    open_settings,
    open_verifier,
    write_options,
)
from serving.cli_input import friendly, read_pairs, read_record
from serving.cli_jobs import jobs
from serving.cli_json import write_json
from serving.cli_kg import kg
from serving.cli_loop import events, experiment
from serving.cli_rules import AllowFlag, BlockFlag, RulesDiffFlag, read_words, rescan, rules, show_rescan
from serving.cli_show import Progressing, show_candidates, show_channels
from serving.engines import MODELS
from serving.engines.model_files import read_manifest, verify
from serving.facts import graph_facts
from serving.labels.labeller import open_labeller
from serving.settings import Settings

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Chinese e-commerce copy from product facts.")
app.add_typer(kg, name="kg")
app.add_typer(rules, name="rules")
app.add_typer(jobs, name="jobs")
app.add_typer(events, name="events")
app.add_typer(experiment, name="experiment")
out = Console()
err = Console(stderr=True)

ChannelFlag = Annotated[str | None, typer.Option("--channel", "-c", help="See `copygen channels`.")]


@app.command()
@friendly
def write(
    product: Annotated[
        str | None, typer.Argument(help="JSON file of a brief or a product; - reads standard input.")
    ] = None,
    channel: ChannelFlag = None,
    tone: ToneFlag = None,
    n: Annotated[int | None, typer.Option("-n", help="How many copies.")] = None,
    name: Annotated[str | None, typer.Option(help="Product name, instead of a file.")] = None,
    attr: Annotated[list[str] | None, typer.Option(help="名=值; repeat for more.")] = None,
    brand: str | None = None,
    category: str | None = None,
    price: str | None = None,
    audience: str | None = None,
    phase: str | None = None,
    lang: Annotated[str | None, typer.Option(help="zh-Hans or zh-Hant.")] = None,
    keyword: Annotated[list[str] | None, typer.Option(help="Must appear; repeat for more.")] = None,
    avoid: Annotated[list[str] | None, typer.Option(help="Must not appear; repeat for more.")] = None,
    seed: Annotated[int | None, typer.Option(help="Repeats a result for a request run alone.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    block: BlockFlag = None,
    allow: AllowFlag = None,
    engine: EngineFlag = None,
    model: ModelFlag = None,
) -> None:
    """Write copy for one product, tokens shown as they come."""
    record = read_record(product)
    if name is not None:
        given = {
            "name": name,
            "brand": brand,
            "category": category,
            "price": price,
            "attributes": read_pairs(attr or []),
        }
        record["products"] = [{key: value for key, value in given.items() if value is not None}]
    elif attr:
        raise InvalidBrief("needs --name, the product's name", field="--attr")
    flags = {
        "channel": channel,
        "tone": tone,
        "audience": audience,
        "phase": phase,
        "lang": lang,
        "n": n,
        "keywords": keyword or None,
        "avoid": avoid or None,
    }
    record |= {key: value for key, value in flags.items() if value is not None}
    record.setdefault("channel", "discover")
    if "products" not in record:
        raise InvalidBrief("nothing to write about: give a JSON file, or --name with --attr 名=值", field="products")
    settings = open_settings(engine=engine, model=model)
    asyncio.run(_write(record, settings, write_options(settings, block, allow, seed), as_json))


async def _write(record: Record, settings: Settings, options: WriteOptions, as_json: bool) -> None:
    brief, changes = read_brief(record)
    labeller = open_labeller(settings)
    result: WriteResult | None = None
    async with open_engine(settings) as model:
        with Progressing(err) as progress:
            async for event in stream_write(brief, model, options=options, facts=graph_facts, changes=changes):
                if isinstance(event, TokenEvent):
                    progress.add(event.candidate, event.text)
                else:
                    result = event
    assert result is not None  # stream_write ends with a result or raises
    labels = labeller.label_result(result, "terminal")
    if as_json:
        out.print_json(json.dumps(write_json(result, labels), ensure_ascii=False))
    else:
        show_candidates(out, result, labels)


app.command()(batch)


@app.command()
@friendly
def check(
    source: Annotated[Path | None, typer.Argument(help="JSON file with text or copy, and products.")] = None,
    text: Annotated[str | None, typer.Option(help="The copy itself.")] = None,
    product: Annotated[Path | None, typer.Option(help="JSON file of the product, to check facts too.")] = None,
    jsonl: Annotated[Path | None, typer.Option(help="JSONL file of cases.")] = None,
    output: Annotated[Path | None, typer.Option("--output", "-o", help="JSONL file of findings.")] = None,
    proof: Annotated[Path | None, typer.Option(help="Proof pack of this one text: .html to print, or .json.")] = None,
    block: BlockFlag = None,
    allow: AllowFlag = None,
    rules_diff: RulesDiffFlag = None,
    deep: Annotated[bool, typer.Option("--deep", help="Also ask the model of each clause; needs the product.")] = False,
    engine: EngineFlag = None,
    model: ModelFlag = None,
) -> None:
    """Check copy a person wrote against its product and the law; exit 1 when something must change."""
    if rules_diff is not None:
        if jsonl is None:
            raise InvalidFile("needs --jsonl, the stored copy to check again", path="--rules-diff")
        show_rescan(out, rescan(*rules_diff, jsonl, output))
        return
    words = {"block": read_words(block), "allow": read_words(allow)}
    if jsonl is not None:
        if output is None or proof is not None:
            raise InvalidFile("goes with -o OUT.jsonl; --proof is for one text", path="--jsonl")
        settings = open_settings(engine=engine, model=model)
        checked, failed = asyncio.run(_check_file(jsonl, output, settings if deep else None, **words))
        out.print(f"{checked} checked, {failed} unreadable -> {output}", highlight=False)
        return
    record = read_record(str(source) if source else str(product) if product else None)
    if text is not None:
        record["text"] = text
    case = read_case(record)
    if deep and case.brief is None:
        raise InvalidFile("needs the product the text must be true of: --product FILE", path="--deep")
    settings = open_settings(engine=engine, model=model)
    report = asyncio.run(_check_deep(case, settings, **words)) if deep else check_case(case, **words)
    show_report(out, case, report)
    if proof is not None:
        export_proof(case, report, open_labeller(settings), proof)
        out.print(f"举证材料 -> {proof}", highlight=False)
    if not report.passed:
        raise typer.Exit(1)


async def _check_file(
    source: Path, target: Path, deep: Settings | None, *, block: tuple[str, ...], allow: tuple[str, ...]
) -> tuple[int, int]:
    async with open_verifier(deep) if deep is not None else nullcontext() as verifier:
        return await check_file(source, target, verifier=verifier, block=block, allow=allow)


async def _check_deep(case: Case, settings: Settings, **words: tuple[str, ...]) -> CheckReport:
    async with open_verifier(settings) as verifier:
        return await check_case_deep(case, verifier, **words)


@app.command()
@friendly
def serve(
    host: Annotated[str, typer.Option(help="Only loopback addresses until accounts exist.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535)] = 8080,
    engine: EngineFlag = None,
    model: ModelFlag = None,
) -> None:
    """Serve the web form and the HTTP API."""
    from serving.run_server import run  # the web stack takes half a second to import; other commands do not need it

    run(open_settings(engine=engine, model=model), host, port)


@app.command()
@friendly
def channels() -> None:
    """List channels with their limits, tones and phases."""
    show_channels(out, load_channels(), load_tones(), phases())


@app.command()
@friendly
def model(name: Annotated[str | None, typer.Argument(help="A folder under models/ or a path.")] = None) -> None:
    """Say which model is bundled and check every file of it."""
    settings = open_settings(model=name)
    folder = Path(settings.model) if settings.model and Path(settings.model).is_dir() else None
    folders = [folder] if folder else [path.parent for path in sorted(MODELS.glob("*/manifest.json"))]
    for path in folders:
        manifest = read_manifest(path)
        out.print(f"[bold]{manifest.name}[/bold] {manifest.version} ({manifest.digest})", highlight=False)
        out.print(f"  base     {manifest.base_model}\n  licence  {manifest.license}", highlight=False)
        out.print(f"  weights  {manifest.weights}, {manifest.bytes / 1e6:.0f} MB", highlight=False)
        out.print(
            f"  prompt   {manifest.prompt_template}, at most {manifest.max_prompt_tokens} tokens", highlight=False
        )
        verify(path)
        parts = sum(len(file.parts) for file in manifest.files)
        out.print(f"  sha256   {parts} files checked, all right", highlight=False)


def main() -> None:
    """Entry point of the `copygen` command."""
    app()
