"""Adapter + base -> the folder the embedded engine loads: merged, int4/int8 weights, parts, manifest written last.

    copygen-finetune export --recipe finetune/recipes/zh_0_5b_cpu.toml --base-model BASE \
        --adapter runs/zh_0_5b/adapter --out models/copygen-zh-0.5b --version 1.0

Runs in an environment with torch, peft, optimum-intel and nncf (the `export` extra).
"""

import hashlib
import json
import logging
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nncf
import openvino
import torch
from optimum.intel import OVModelForCausalLM
from peft import PeftModel
from transformers import AutoModelForCausalLM

from finetune.recipe import Recipe

logger = logging.getLogger(__name__)

PART_BYTES = 90_000_000
"""Below the 95 MB that code hosts accept for one file."""
MODEL_FILES = ("openvino_model.xml", "openvino_model.bin", "config.json", "generation_config.json", "tokenizer.json")


def merge(base_model: Path, adapter: Path | None, out: Path) -> None:
    """Write base (+ adapter) as one plain model folder in bf16."""
    model = AutoModelForCausalLM.from_pretrained(base_model, dtype=torch.float32)
    if adapter is not None:
        model = PeftModel.from_pretrained(model, adapter).merge_and_unload()
    model.to(torch.bfloat16).save_pretrained(out)
    for name in ("tokenizer.json", "tokenizer_config.json"):
        shutil.copy(base_model / name, out / name)


def to_openvino(merged: Path, out: Path) -> None:
    """Convert a plain model folder to OpenVINO IR with a stateful key-value cache, weights untouched."""
    model = OVModelForCausalLM.from_pretrained(merged, export=True, compile=False, load_in_8bit=False)
    model.save_pretrained(out)
    shutil.copy(merged / "tokenizer.json", out / "tokenizer.json")


def compress(source: Path, out: Path, *, bits: int, group_size: int) -> str:
    """Compress the weights of an IR; the embedding stays int8.

    Returns:
        A phrase for the manifest.
    """
    model = openvino.Core().read_model(source / "openvino_model.xml")
    if bits == 4:
        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT4_ASYM, group_size=group_size, ratio=1.0)
        phrase = f"int4_asym, group {group_size}; int8 embedding"
    else:
        model = nncf.compress_weights(model, mode=nncf.CompressWeightsMode.INT8_ASYM)
        phrase = "int8_asym per channel"
    out.mkdir(parents=True, exist_ok=True)
    openvino.save_model(model, out / "openvino_model.xml")
    for name in MODEL_FILES[2:]:
        shutil.copy(source / name, out / name)
    return phrase


def _parts(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(PART_BYTES):
            yield block


def write_model(built: Path, out: Path, manifest: dict[str, Any]) -> None:
    """Cut the built files into parts under `out` and write manifest.json last."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").unlink(missing_ok=True)
    for stale in out.glob("*.part*"):
        stale.unlink()
    files: list[dict[str, object]] = []
    for name in MODEL_FILES:
        whole, size = hashlib.sha256(), 0
        parts: list[dict[str, object]] = []
        for i, block in enumerate(_parts(built / name)):
            part = out / f"{name}.part{i}"
            part.write_bytes(block)
            whole.update(block)
            size += len(block)
            parts.append({"file": part.name, "bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()})
        files.append({"name": name, "bytes": size, "sha256": whole.hexdigest(), "parts": parts})
    text = json.dumps({**manifest, "files": files}, ensure_ascii=False, indent=1)
    (out / "manifest.json").write_text(text + "\n", encoding="utf-8")


def export(
    recipe: Recipe,
    base_model: Path,
    adapter: Path | None,
    out: Path,
    *,
    version: str,
    bits: int,
    group_size: int,
    training: dict[str, Any],
) -> None:
    """Merge, convert, compress, cut and describe."""
    with tempfile.TemporaryDirectory() as scratch:
        merged, plain, small = (Path(scratch) / name for name in ("merged", "plain", "small"))
        merge(base_model, adapter, merged)
        to_openvino(merged, plain)
        weights = compress(plain, small, bits=bits, group_size=group_size)
        write_model(
            small,
            out,
            {
                "name": out.name,
                "version": version,
                "base_model": recipe.base_model,
                "license": "Apache-2.0",
                "prompt_template": "copy.v1",
                "exemplars": 0,
                "weights": weights,
                "max_prompt_tokens": 2048,
                "stop_tokens": ["<|im_end|>", "<|endoftext|>"],
                "training": training,
            },
        )
