"""Adapter + base -> the folder the embedded engine loads: merged, int4/int8 weights, parts, manifest written last.

    copygen-finetune export --recipe finetune/recipes/zh_0_5b_cpu.toml --base-model BASE \
        --adapter runs/zh_0_5b/adapter --out models/copygen-zh-0.5b --version 1.0

Runs in an environment with torch, peft, optimum-intel and nncf (the `export` extra).
"""

import logging
import shutil
import tempfile
from pathlib import Path
from typing import Any

import nncf
import openvino
import torch
from optimum.intel import OVModelForCausalLM
from peft import PeftModel
from transformers import AutoModelForCausalLM

from finetune.parts import write_model
from finetune.recipe import Recipe

logger = logging.getLogger(__name__)

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
            [small / name for name in MODEL_FILES],
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
