"""A training recipe: every number of a run in one TOML file; unknown keys are errors."""

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from copygen.errors import InvalidFile


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class DataRecipe(_Part):
    """Which records, and how often each source is read."""

    own: str = "prompts/exemplars"
    """Folder of JSONL files in the record schema, each record with its copy."""
    own_epochs: int = Field(default=2, ge=1)
    advertisegen_max: int = Field(default=0, ge=0)
    """Records taken from AdvertiseGen after filtering, read once; 0 takes none."""
    audience_dropout: float = Field(default=0.1, ge=0, le=1)
    """Share of examples whose audience is hidden, so that the model also writes without one."""
    shuffle_attributes: bool = True
    """Attribute order carries no meaning; every second reading of a record sees another one."""


class VerifyRecipe(_Part):
    """The deep check's questions instead of copies to write."""

    written: str = "finetune/verify_cases"
    """Folder of JSONL files: products with labelled clauses."""
    written_epochs: int = Field(default=3, ge=1)
    corpus_cases: int = Field(default=0, ge=0)
    """Copies of `data.own` that true and false clauses are made of; 0 takes none."""


class LoraRecipe(_Part):
    """Adapter on every linear layer but the output."""

    rank: int = Field(default=16, ge=1)
    alpha: int = Field(default=32, ge=1)
    dropout: float = Field(default=0.05, ge=0, lt=1)


class TrainRecipe(_Part):
    """One pass over the packs."""

    learning_rate: float = Field(gt=0)
    warmup_share: float = Field(default=0.05, ge=0, lt=1)
    gradient_accumulation_steps: int = Field(default=1, ge=1)
    max_pack_tokens: int = Field(default=2048, ge=256)
    """Sequence length; a pack is one shared system message and as many examples as fit."""
    precision: Literal["bf16", "fp32"] = "bf16"
    gradient_checkpointing: bool = False
    max_steps: int = Field(default=-1, ge=-1)
    """Stop after so many optimizer steps, the learning rate falling to zero by then; -1 reads every pack."""
    save_every_steps: int = Field(default=20, ge=1)
    seed: int = 1


class Recipe(_Part):
    name: str
    base_model: str
    """A hub id or a folder; `--base-model` overrides it."""
    vocabulary: int | None = None
    """Prune the vocabulary to about this many tokens before training; omit to keep it whole."""
    data: DataRecipe = DataRecipe()
    verify: VerifyRecipe | None = None
    """Train the verifier of the deep check; `data` then only says where the corpus is."""
    lora: LoraRecipe = LoraRecipe()
    train: TrainRecipe


def load_recipe(path: Path) -> Recipe:
    """Read a recipe.

    Raises:
        InvalidFile: Missing, not TOML, an unknown key or a value out of range; names the key.
    """
    try:
        return Recipe.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise InvalidFile(f"cannot be read: {error.strerror}", path=str(path)) from error
    except ValidationError as error:
        first = error.errors()[0]
        raise InvalidFile(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", path=str(path)) from error
    except ValueError as error:  # not TOML, or not UTF-8
        raise InvalidFile(str(error), path=str(path)) from error
