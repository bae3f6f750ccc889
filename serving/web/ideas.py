"""灵感库: our own corpus as a library to search, and the examples the pickers show."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from copygen.channel import PROMPTS, load_channels, load_tones
from copygen.prompt import phases
from copygen.text import to_hans


@dataclass(frozen=True, slots=True)
class Idea:
    """One piece of the corpus."""

    id: str
    industry: str
    channel: str
    tone: str
    audience: str
    phase: str
    lang: str
    product: str
    category: str
    attribute_names: tuple[str, ...]
    title: str
    points: tuple[str, ...]
    body: str
    tags: tuple[str, ...]
    haystack: str
    """Everything a search looks through, in Simplified Chinese and lower case."""

    @classmethod
    def of(cls, record: dict[str, Any]) -> "Idea":
        copy, product = record["copy"], record["products"][0]
        told = (copy["title"], *copy["points"], copy["body"], *copy["tags"])
        named = [each for product in record["products"] for each in (product["name"], product.get("category", ""))]
        return cls(
            id=record["id"],
            industry=record["industry"],
            channel=record["channel"],
            tone=record["tone"],
            audience=record.get("audience", ""),
            phase=record.get("phase", ""),
            lang=record.get("lang", "zh-Hans"),
            product=product["name"],
            category=product.get("category", ""),
            attribute_names=tuple(dict.fromkeys(n for each in record["products"] for n in each.get("attributes", {}))),
            title=copy["title"],
            points=tuple(copy["points"]),
            body=copy["body"],
            tags=tuple(copy["tags"]),
            haystack=to_hans("\n".join((*told, *named, record.get("audience", "")))).lower(),
        )

    @property
    def line(self) -> str:
        """The copy on one line."""
        return " ".join(part for part in (self.title, "；".join(self.points), self.body) if part)

    def as_form(self) -> dict[str, str]:
        """Values of a write form for a piece like this one: how it speaks, not what it sells."""
        return {
            "channel": self.channel,
            "tone": self.tone,
            "audience": self.audience,
            "phase": self.phase,
            "lang": self.lang,
        }


@lru_cache(maxsize=1)
def load_ideas() -> dict[str, Idea]:
    """The whole corpus by id, in the order of its files."""
    ideas = {}
    for path in sorted((PROMPTS / "exemplars").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            idea = Idea.of(json.loads(line))
            ideas[idea.id] = idea
    return ideas


def find_idea(idea_id: str) -> Idea | None:
    return load_ideas().get(idea_id) if idea_id else None


def search(query: str = "", *, industry: str = "", channel: str = "", tone: str = "") -> list[Idea]:
    """The pieces with every word of a query, those whose title has it first; an empty choice excludes nothing."""
    words = to_hans(query).lower().split()
    found = [
        idea
        for idea in load_ideas().values()
        if industry in ("", idea.industry)
        and channel in ("", idea.channel)
        and tone in ("", idea.tone)
        and all(word in idea.haystack for word in words)
    ]
    return sorted(found, key=lambda idea: -sum(word in to_hans(idea.title).lower() for word in words))


def industries() -> list[str]:
    return list(dict.fromkeys(idea.industry for idea in load_ideas().values()))


@lru_cache(maxsize=1)
def attribute_names() -> frozenset[str]:
    """Every name an attribute has in the corpus."""
    return frozenset(name for idea in load_ideas().values() for name in idea.attribute_names)


@lru_cache(maxsize=1)
def examples() -> dict[str, dict[str, str]]:
    """An example of each channel, tone and phase: {"channel": {"discover": "…"}, …}."""
    plain = [idea for idea in load_ideas().values() if idea.lang == "zh-Hans"]
    short = [idea for idea in plain if idea.channel in ("discover", "social")]
    return {
        "channel": {name: _first(i for i in plain if i.channel == name) for name in load_channels()},
        "tone": {tone: _first(i for i in short if i.tone == tone) for tone in load_tones()},
        "audience": dict.fromkeys(sorted({i.audience for i in plain if 4 <= len(i.audience) <= 10})[::12], ""),
        "phase": {phase: _first(i for i in plain if i.phase == phase and i.channel == "push") for phase in phases()},
    }


def _first(ideas: Iterable[Idea]) -> str:
    return next((idea.line for idea in ideas), "")
