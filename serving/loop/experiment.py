"""An experiment: copies of one product that compete for one slot. Knows no database and no statistics."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.errors import CopygenError
from copygen.label import content_hash

Goal = Literal["click", "add_to_cart", "order"]
Allocation = Literal["thompson", "equal"]
DEFAULT_RATE = 0.02
"""Clicks an impression that a copy is thought to have before anything is known of the slot."""


class UnknownExperiment(CopygenError):
    """No experiment of this id; `copygen experiment list` lists them."""

    code = "unknown_experiment"


class ExperimentConflict(CopygenError):
    """The experiment has stopped, or one of its copies competes in this slot already."""

    code = "experiment_conflict"


class UnknownCopy(CopygenError):
    """The experiment has no such copy."""

    code = "unknown_copy"

    @property
    def param(self) -> str:
        return "keep"


@dataclass(frozen=True, slots=True)
class Shown:
    """A copy that shoppers see."""

    copy_id: str
    copy: AdCopy
    ai_generated: bool
    """It leaves with the label of AI-generated content."""

    @property
    def content(self) -> str:
        return self.copy.model_dump_json()


def copy_id_of(copy: AdCopy) -> str:
    """The id a copy has when nobody gave it one: the same text has the same id."""
    return f"copy-{content_hash(copy.plain_text())[:24]}"


def brief_of(record: str) -> Brief:
    """The brief of a stored record."""
    return read_brief(json.loads(record))[0]


def dump_record(record: Mapping[str, object]) -> str:
    return json.dumps(dict(record), ensure_ascii=False, separators=(",", ":"))


def product_of(record: Mapping[str, Any]) -> str:
    """What copies have to have in common to be compared."""
    return " + ".join(product.name for product in read_brief(record)[0].products)


@dataclass(frozen=True, slots=True)
class Arm:
    """One of the copies."""

    number: int
    """From 0; 0 is the one the others are compared with."""
    shown: Shown
    picks: int
    """How often it was handed out; a visitor who comes again is handed out nothing new."""


@dataclass(frozen=True, slots=True)
class Experiment:
    """One experiment as it stands."""

    id: str
    name: str
    product: str
    brief: str
    """The record the copies were written from, JSON."""
    slot: str
    goal: Goal
    """What an impression is to lead to."""
    allocation: Allocation
    """thompson: better copies are shown more and more; equal: all the same, for figures that outlast the season."""
    floor: float
    """Share of picks spread evenly whatever is known, 0..1."""
    alpha: float
    """Greatest probability of naming a winner where there is none."""
    base_rate: float
    """What was expected of a copy before the first impression, 0..1."""
    started_at: float
    stopped_at: float | None
    kept: int | None
    arms: tuple[Arm, ...]

    @property
    def copies(self) -> list[str]:
        return [arm.shown.copy_id for arm in self.arms]

    def arm_of(self, copy_id: str) -> Arm:
        """The arm of a copy.

        Raises:
            UnknownCopy: It is none of the experiment's.
        """
        for arm in self.arms:
            if arm.shown.copy_id == copy_id:
                return arm
        raise UnknownCopy(f"{copy_id!r} is none of its copies: {', '.join(self.copies)}")

    @property
    def state(self) -> Literal["running", "stopped"]:
        return "running" if self.stopped_at is None else "stopped"
