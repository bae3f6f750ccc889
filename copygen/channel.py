"""Channels, tones and phases: what a copy for one place looks like. Read from the files under prompts/.

Adding a channel is adding prompts/channels/NAME.v1.toml; a newer version is a new file and the highest wins.
"""

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from copygen.errors import PromptDataError, UnknownChannel
from copygen.text import char_count, display_width, to_hant

PROMPTS = Path(__file__).resolve().parent.parent / "prompts"
_VERSIONED = re.compile(r"^(?P<id>.+)\.v(?P<version>\d+)\.toml$")


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class FieldSpec(_Data):
    """One field of a channel's copy and its limits."""

    label: str
    """What the model writes before the field, and what merchants see."""
    min: int = Field(ge=0)
    max: int = Field(gt=0)
    unit: Literal["chars", "width"] = "chars"
    """chars: characters without white space; width: columns, a full-width character counts 2."""
    min_items: int | None = None
    max_items: int | None = None
    """Set for lists (points, tags); min and max then hold for each item."""
    source: str
    """Where the limit comes from: a platform's rule, or 'own rule'."""

    @property
    def labels(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys((self.label, to_hant(self.label))))

    def measure(self, text: str) -> int:
        return display_width(text) if self.unit == "width" else char_count(text)


class Channel(_Data):
    """A place where copy is shown."""

    id: str
    version: int
    name: str
    name_hant: str
    name_en: str
    instruction: str
    max_emoji: int = 0
    min_products: int = 1
    max_products: int = 1
    fields: dict[Literal["title", "body", "points", "tags"], FieldSpec]

    @model_validator(mode="after")
    def _lists_have_counts(self) -> "Channel":
        for name, spec in self.fields.items():
            if (name in ("points", "tags")) != (spec.min_items is not None and spec.max_items is not None):
                raise ValueError(f"fields.{name}: points and tags need min_items and max_items, title and body neither")
            if spec.min > spec.max:
                raise ValueError(f"fields.{name}: min {spec.min} is over max {spec.max}")
        return self


class Tone(_Data):
    """A way of speaking."""

    id: str
    version: int
    name: str
    name_hant: str
    name_en: str
    instruction: str


def _read_newest(folder: Path) -> list[dict[str, object]]:
    """The newest version of each file in a folder, as raw data with id and version filled in."""
    newest: dict[str, tuple[int, Path]] = {}
    for path in sorted(folder.glob("*.toml")):
        match = _VERSIONED.match(path.name)
        if match is None:
            raise PromptDataError("expected a name like discover.v1.toml", path=str(path))
        version = int(match["version"])
        if version > newest.get(match["id"], (0, path))[0]:
            newest[match["id"]] = (version, path)
    records = []
    for name, (version, path) in sorted(newest.items()):
        try:
            records.append({"id": name, "version": version, **tomllib.loads(path.read_text(encoding="utf-8"))})
        except ValueError as error:  # not TOML, or not UTF-8
            raise PromptDataError(str(error), path=str(path)) from error
    return records


_Kind = TypeVar("_Kind", "Channel", "Tone")


def _load(kind: type[_Kind], folder: Path) -> dict[str, _Kind]:
    loaded = {}
    for record in _read_newest(folder):
        try:
            item = kind.model_validate(record)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "file"
            path = folder / f"{record['id']}.v{record['version']}.toml"
            raise PromptDataError(f"{where}: {first['msg']}", path=str(path)) from error
        loaded[item.id] = item
    return loaded


@lru_cache(maxsize=4)
def load_channels(prompts: Path = PROMPTS) -> dict[str, Channel]:
    return _load(Channel, prompts / "channels")


@lru_cache(maxsize=4)
def load_tones(prompts: Path = PROMPTS) -> dict[str, Tone]:
    return _load(Tone, prompts / "tones")


def get_channel(channel_id: str, prompts: Path = PROMPTS) -> Channel:
    """Look a channel up by id or by any of its names (发现好货 is discover)."""
    channels = load_channels(prompts)
    for channel in channels.values():
        if channel_id in (channel.id, channel.name, channel.name_hant):
            return channel
    raise UnknownChannel("channel", channel_id, sorted(channels))


def get_tone(tone_id: str, prompts: Path = PROMPTS) -> Tone:
    """Look a tone up by id or by its name in either script."""
    tones = load_tones(prompts)
    for tone in tones.values():
        if tone_id in (tone.id, tone.name, tone.name_hant, tone.name_en):
            return tone
    raise UnknownChannel("tone", tone_id, sorted(tones))
