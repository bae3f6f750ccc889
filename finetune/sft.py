"""LoRA supervised fine-tuning with TRL and PEFT; our part is the packs and the attention they need.

    copygen-finetune sft --recipe finetune/recipes/zh_0_5b_cpu.toml --base-model BASE --out runs/zh_0_5b

Runs on a CPU or one GPU. Resumes from the newest checkpoint in the output folder.
"""

import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from peft import LoraConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
from transformers.trainer_utils import get_last_checkpoint
from trl import SFTConfig, SFTTrainer

from finetune.data import Pack
from finetune.recipe import Recipe

logger = logging.getLogger(__name__)


def collate(packs: Sequence[dict[str, list[int]]]) -> dict[str, torch.Tensor]:
    """Turn packs into one padded batch.

    Returns:
        input_ids, labels, position_ids: int64, shape (batch, length).
        attention_mask: bool, shape (batch, 1, length, length); a token sees earlier tokens of the shared prefix
        (segment 0) and of its own segment. Padding is a segment of its own.
    """
    length = max(len(pack["input_ids"]) for pack in packs)

    def padded(name: str, fill: int) -> torch.Tensor:
        return torch.tensor([pack[name] + [fill] * (length - len(pack[name])) for pack in packs])

    segments = padded("segments", -1)
    same = segments[:, :, None] == segments[:, None, :]  # (batch, query, key)
    shared = (segments == 0)[:, None, :] & (segments >= 0)[:, :, None]
    causal = torch.ones(length, length, dtype=torch.bool).tril()
    return {
        "input_ids": padded("input_ids", 0),
        "labels": padded("labels", -100),
        "position_ids": padded("position_ids", 0),
        "attention_mask": ((same | shared) & causal)[:, None],
    }


class _LogLosses(TrainerCallback):  # type: ignore[misc]
    """Appends each logged step to log.jsonl, for the loss plot and for whoever watches."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, float] | None = None, **_: Any) -> None:
        with self._path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({"step": state.global_step, "of": state.max_steps, **(logs or {})}) + "\n")


def train(recipe: Recipe, base_model: Path, packs: Sequence[Pack], out: Path) -> None:
    """Train an adapter and write it to `out`; an interrupted run continues from its newest checkpoint."""
    dtype = torch.bfloat16 if recipe.train.precision == "bf16" else torch.float32
    model = AutoModelForCausalLM.from_pretrained(base_model, dtype=dtype, attn_implementation="sdpa")
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    rows = {name: [getattr(pack, name) for pack in packs] for name in Pack.__dataclass_fields__}
    config = SFTConfig(
        output_dir=str(out / "checkpoints"),
        dataset_kwargs={"skip_prepare_dataset": True},
        remove_unused_columns=False,
        max_length=None,
        num_train_epochs=1,
        max_steps=recipe.train.max_steps,
        per_device_train_batch_size=1,
        gradient_accumulation_steps=recipe.train.gradient_accumulation_steps,
        gradient_checkpointing=recipe.train.gradient_checkpointing,
        learning_rate=recipe.train.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=recipe.train.warmup_share,
        weight_decay=0.01,
        bf16=recipe.train.precision == "bf16" and torch.cuda.is_available(),
        use_cpu=not torch.cuda.is_available(),
        logging_steps=2,
        save_steps=recipe.train.save_every_steps,
        save_total_limit=2,
        seed=recipe.train.seed,
        report_to=[],
        train_sampling_strategy="sequential",
    )
    trainer = SFTTrainer(
        model=model,
        args=config,
        train_dataset=Dataset.from_dict(rows),
        processing_class=tokenizer,
        data_collator=collate,
        peft_config=LoraConfig(
            r=recipe.lora.rank,
            lora_alpha=recipe.lora.alpha,
            lora_dropout=recipe.lora.dropout,
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        ),
        callbacks=[_LogLosses(out / "log.jsonl")],
    )
    last = get_last_checkpoint(str(out / "checkpoints")) if (out / "checkpoints").is_dir() else None
    trainer.train(resume_from_checkpoint=last)
    trainer.save_model(str(out / "adapter"))
