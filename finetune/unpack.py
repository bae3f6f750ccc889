"""The model the embedded engine loads -> a Hugging Face folder with exactly its weights, to train adapters on.

    copygen-finetune unpack --model models/copygen-zh-0.5b --out runs/base

An adapter is trained on the very weights it will sit on: what int4 rounded away is rounded away here too. The folder
also loads in transformers and vLLM.
"""

import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openvino
import torch
from safetensors.torch import load_file, save_file

from finetune.parts import add_adapter, restore

_MARK = "._openvino_orig_"
"""In the names of constants that came from parameters of the PyTorch model."""
_PARAMETERS = (f"{_MARK}weight", f"{_MARK}bias")
_COPIED = ("config.json", "generation_config.json", "tokenizer.json")


def unpack(model: Path, out: Path) -> None:
    """Write config, tokenizer and weights in bf16.

    Raises:
        InvalidFile: A part is missing or damaged.
    """
    out.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as joined:
        files = Path(joined)
        restore(model, files)
        weights = dict(_weights(openvino.Core().read_model(files / "openvino_model.xml")))
        weights.pop("lm_head.weight", None)  # tied to the embedding
        tensors = {name: value.to(torch.bfloat16).contiguous() for name, value in weights.items()}
        save_file(tensors, out / "model.safetensors", metadata={"format": "pt"})
        for name in _COPIED:
            shutil.copy(files / name, out / name)
    tokens = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>", "pad_token": "<|endoftext|>"}
    (out / "tokenizer_config.json").write_text(json.dumps(tokens, indent=1) + "\n", encoding="utf-8")


def attach(adapter: Path, model: Path, name: str) -> None:
    """Put an adapter in bf16 beside the model it was trained on, its scale (alpha / rank) multiplied into the weights.

    The engine does not read adapter_config.json, where PEFT keeps the scale.

    Raises:
        InvalidFile: `model` is no model folder.
    """
    config = json.loads((adapter / "adapter_config.json").read_text(encoding="utf-8"))
    scale = config["lora_alpha"] / config["r"]
    tensors = {
        key: value * scale if ".lora_B." in key else value
        for key, value in load_file(adapter / "adapter_model.safetensors").items()
    }
    with tempfile.TemporaryDirectory() as scratch:
        small = Path(scratch) / f"{name}.safetensors"
        save_file({key: value.to(torch.bfloat16) for key, value in tensors.items()}, small)
        add_adapter(small, model, name)


def _weights(model: Any) -> Iterator[tuple[str, torch.Tensor]]:
    """(parameter name, value) of every weight, bias and norm."""
    for node in model.get_ordered_ops():
        kind, name = node.get_type_name(), node.get_friendly_name()
        for source in (port.get_source_output() for port in node.inputs()):
            constant = _constant(source.get_node())
            if constant is None:
                continue
            told = constant.get_friendly_name()
            if _MARK in told and kind in ("MatMul", "Gather", "Add"):
                value = _evaluated(source)
                yield told.removeprefix("self.").replace(_MARK, "."), value if kind != "Add" else value.reshape(-1)
            elif (
                kind == "Multiply" and name.startswith("__module.") and name.endswith("/Multiply_1") and "norm" in name
            ):
                yield f"{name.removeprefix('__module.').split('/')[0]}.weight", _evaluated(source).reshape(-1)


def _constant(node: Any) -> Any:
    """The constant that an input was decompressed from; None for what depends on the model's input.

    Of the several constants of a compressed weight, the weight itself, not its scale, zero point or shape.
    """
    kind = node.get_type_name()
    if kind == "Constant":
        return node
    if kind not in ("Convert", "Reshape", "Multiply", "Subtract"):
        return None
    found = [_constant(port.get_source_output().get_node()) for port in node.inputs()]
    if None in found:
        return None
    return next((one for one in found if one.get_friendly_name().endswith(_PARAMETERS)), found[0])


def _evaluated(output: Any) -> torch.Tensor:
    compiled = openvino.Core().compile_model(
        openvino.Model([output], [], "weight"), "CPU", {"INFERENCE_PRECISION_HINT": "f32"}
    )
    return torch.from_numpy(compiled({})[0].astype("float32"))
