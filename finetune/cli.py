"""The `copygen-finetune` command: prune, data, sft, export, unpack, attach.

The heavy libraries are imported by the command that needs them, so that `data` and `--help` run without torch.
"""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from tokenizers import Tokenizer

from copygen.ad_copy import dump
from copygen.channel import get_channel
from copygen.errors import CopygenError, InvalidFile
from copygen.prompt import render

from finetune.data import DataReport, Example, Pack, build_packs, load_advertisegen, load_own
from finetune.prune import prune_tokenizer, select_tokens
from finetune.recipe import Recipe, load_recipe
from finetune.verify_data import build_verify_packs

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Fine-tune and export copygen's models.")
out = Console()

RecipeFlag = Annotated[Path, typer.Option(help="TOML file under finetune/recipes/.")]
BaseFlag = Annotated[Path, typer.Option(help="Folder of the base model in Hugging Face format.")]
AdgenFlag = Annotated[Path | None, typer.Option(help="AdvertiseGen train file, JSONL with content and summary.")]


def _examples(recipe: Recipe, advertisegen: Path | None) -> tuple[list[Example], list[Example], DataReport]:
    report = DataReport()
    own = load_own(Path(recipe.data.own), report)
    extra: list[Example] = []
    if recipe.data.advertisegen_max and advertisegen is None:
        raise InvalidFile(
            "the recipe reads AdvertiseGen: give --advertisegen FILE, or set advertisegen_max = 0", path="recipe"
        )
    if advertisegen is not None:
        extra = load_advertisegen(advertisegen, recipe.data.advertisegen_max, report)
    return own, extra, report


def _packs(recipe: Recipe, base_model: Path, advertisegen: Path | None) -> list[Pack]:
    own, extra, report = _examples(recipe, advertisegen)
    tokenizer = Tokenizer.from_file(str(base_model / "tokenizer.json"))

    def encode(text: str) -> list[int]:
        return tokenizer.encode(text, add_special_tokens=False).ids

    size, seed = recipe.train.max_pack_tokens, recipe.train.seed
    if recipe.verify is not None:
        packs = build_verify_packs(recipe.verify, own, encode, size, seed, report)
    else:
        packs = build_packs(recipe.data, extra, own, encode, size, seed)
    for line in report.lines():
        out.print(line, highlight=False)
    tokens = sum(len(pack.input_ids) for pack in packs)
    learned = sum(label >= 0 for pack in packs for label in pack.labels)
    examples = sum(pack.segments[-1] for pack in packs)
    out.print(f"{examples} examples in {len(packs)} packs, {tokens} tokens, loss on {learned}", highlight=False)
    return packs


@app.command()
def data(recipe: RecipeFlag, base_model: BaseFlag, advertisegen: AdgenFlag = None) -> None:
    """Build the training packs and print what each step kept and dropped; trains nothing."""
    _packs(load_recipe(recipe), base_model, advertisegen)


@app.command()
def prune(
    recipe: RecipeFlag,
    base_model: BaseFlag,
    output: Annotated[Path, typer.Option("--out", help="Folder for the pruned model.")],
    texts: Annotated[list[Path] | None, typer.Option(help="More text whose tokens count; repeat for more.")] = None,
) -> None:
    """Cut the base model's vocabulary to the recipe's size before training."""
    import torch
    from transformers import AutoModelForCausalLM

    from finetune.prune import prune_model

    settings = load_recipe(recipe)
    if settings.vocabulary is None:
        raise InvalidFile("sets no vocabulary, so there is nothing to prune", path=str(recipe))
    sample = []
    for example in load_own(Path(settings.data.own), DataReport()):
        prompt = render(example.brief).messages
        target = dump(example.copy, get_channel(example.brief.channel))
        sample += [f"{prompt[0].content}\n{prompt[-1].content}\n{target}"] * 20  # our own text counts most
    for path in texts or ():
        sample += path.read_text(encoding="utf-8", errors="replace").splitlines()
    kept = select_tokens(base_model / "tokenizer.json", sample, settings.vocabulary)
    model = AutoModelForCausalLM.from_pretrained(base_model, dtype=torch.bfloat16)
    prune_model(model, kept)
    model.save_pretrained(output)
    prune_tokenizer(base_model / "tokenizer.json", kept, output)
    out.print(f"{len(kept)} tokens kept -> {output}", highlight=False)


@app.command()
def sft(
    recipe: RecipeFlag,
    base_model: BaseFlag,
    output: Annotated[Path, typer.Option("--out", help="Run folder: checkpoints, log.jsonl, adapter.")],
    advertisegen: AdgenFlag = None,
) -> None:
    """Train a LoRA adapter; an interrupted run continues from its newest checkpoint."""
    from finetune.sft import train

    settings = load_recipe(recipe)
    packs = _packs(settings, base_model, advertisegen)
    output.mkdir(parents=True, exist_ok=True)
    (output / "recipe.json").write_text(settings.model_dump_json(indent=1) + "\n", encoding="utf-8")
    train(settings, base_model, packs, output)


@app.command()
def export(
    recipe: RecipeFlag,
    base_model: BaseFlag,
    output: Annotated[Path, typer.Option("--out", help="models/NAME")],
    version: Annotated[str, typer.Option(help="Version of the model, for the manifest.")],
    adapter: Annotated[Path | None, typer.Option(help="Adapter folder; omit to export the base as it is.")] = None,
    bits: Annotated[int, typer.Option(help="4 or 8.")] = 4,
    group_size: Annotated[int, typer.Option(help="int4: weights that share a scale.")] = 32,
) -> None:
    """Merge, convert to OpenVINO, compress, cut into parts and write the manifest."""
    from finetune.export import export as run

    training: dict[str, object] = {}
    if adapter is not None:
        log = adapter.parent / "log.jsonl"
        lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.is_file() else []
        losses = [line["loss"] for line in lines if "loss" in line]
        training = {"recipe": load_recipe(recipe).name, "steps": lines[-1]["step"] if lines else None}
        training |= {"first_loss": losses[0], "last_loss": losses[-1]} if losses else {}
    run(
        load_recipe(recipe),
        base_model,
        adapter,
        output,
        version=version,
        bits=bits,
        group_size=group_size,
        training=training,
    )


@app.command()
def unpack(
    model: Annotated[Path, typer.Option(help="models/NAME")],
    output: Annotated[Path, typer.Option("--out", help="Folder in Hugging Face format.")],
) -> None:
    """Turn a model of the embedded engine back into a folder to train adapters on, with the same weights."""
    from finetune.unpack import unpack as run

    run(model, output)


@app.command()
def attach(
    adapter: Annotated[Path, typer.Option(help="Adapter folder of a run.")],
    model: Annotated[Path, typer.Option(help="models/NAME whose weights it was trained on.")],
    name: Annotated[str, typer.Option(help="What it does: verify answers the deep check.")] = "verify",
) -> None:
    """Put an adapter beside the model it was trained on, where the embedded engine finds it."""
    from finetune.unpack import attach as run

    run(adapter, model, name)


def main() -> None:
    """Entry point of the `copygen-finetune` command."""
    try:
        app(standalone_mode=True)
    except CopygenError as error:
        Console(stderr=True).print(f"[red]{error.code}[/red] {error.message}", highlight=False)
        raise SystemExit(2) from error
