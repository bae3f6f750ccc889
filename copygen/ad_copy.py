"""The copy itself, and how a model's text becomes one. Knows channels, not products."""

import re
from collections.abc import Mapping
from typing import Literal, get_args

from pydantic import BaseModel, ConfigDict

from copygen.channel import Channel

FieldName = Literal["title", "body", "points", "tags"]
FIELD_NAMES: tuple[FieldName, ...] = get_args(FieldName)

_MARKUP = re.compile(r"^(?:[\s>*#_`]|-(?!\d))+|[*_`]{2,}")  # -18℃ keeps its sign
_ITEM = re.compile(r"^\s*(?:[-*•·]|\d{1,2}[.、)）](?!\d)|[①-⑩])\s*")
_TAG_BREAK = re.compile(r"[#\s,，、;；]+")


class AdCopy(BaseModel):
    """One piece of selling copy; a channel fills some of the fields."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str = ""
    body: str = ""
    points: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()

    def texts(self) -> list[tuple[str, str]]:
        """(where, text) of each non-empty piece in reading order; `where` is title, points[0], body, tags[0]."""
        pieces = [("title", self.title)]
        pieces += [(f"points[{i}]", point) for i, point in enumerate(self.points)]
        pieces += [("body", self.body)]
        pieces += [(f"tags[{i}]", tag) for i, tag in enumerate(self.tags)]
        return [(where, text) for where, text in pieces if text]

    def plain_text(self) -> str:
        """All pieces in reading order, one a line."""
        return "\n".join(text for _, text in self.texts())


def dump(copy: AdCopy, channel: Channel) -> str:
    """Write a copy as the model is asked to write it: what `parse` reads back."""
    lines = []
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        if name == "points":
            lines += [f"{spec.label}：", *(f"- {point}" for point in value)]
        elif name == "tags":
            lines.append(f"{spec.label}：{' '.join('#' + tag for tag in value)}")
        else:
            lines.append(f"{spec.label}：{value}")
    return "\n".join(lines)


def _label_pattern(labels: Mapping[str, str]) -> re.Pattern[str]:
    names = "|".join(re.escape(label) for label in sorted(labels, key=len, reverse=True))
    return re.compile(rf"^[\s>*#_`【\[]*({names})[】\]*_`]*\s*[：:]\s*[*_`]*(.*)$")


def parse(completion: str, channel: Channel) -> AdCopy:
    """Read a completion leniently: labels in either script, list marks and markdown of any kind.

    Text before the first label belongs to the channel's only field if it has one, else it is dropped as chatter.
    What is missing stays empty for the checks to find; nothing is invented and nothing raises.
    """
    labels = {label: name for name, spec in channel.fields.items() for label in spec.labels}
    pattern = _label_pattern(labels)
    current = next(iter(channel.fields)) if len(channel.fields) == 1 else None
    found: dict[str, list[str]] = {name: [] for name in channel.fields}
    for line in completion.strip().splitlines():
        if match := pattern.match(line):
            current = labels[match[1]]
            line = match[2]
        if current is not None and line.strip():
            found[current].append(line.strip())
    points = tuple(_MARKUP.sub("", _ITEM.sub("", line)).strip().rstrip("。；;，,") for line in found.get("points", ()))
    tags = tuple(tag for line in found.get("tags", ()) for tag in _TAG_BREAK.split(line) if tag)
    return AdCopy(
        title=_MARKUP.sub("", " ".join(found.get("title", ()))).strip(),
        body="\n".join(_MARKUP.sub("", line).strip() for line in found.get("body", ())).strip(),
        points=tuple(point for point in points if point),
        tags=tuple(dict.fromkeys(tags)),
    )
