"""What a copy is to be written from: products, facts, and for whom. Validates and cleans merchants' messy input.

`read_brief` takes a record of the JSON/JSONL schema (docs/input.md) and returns the clean brief with a list of what
was changed; the original stays with the caller. Everything after this line works on clean text only.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from copygen.errors import InvalidBrief
from copygen.text import normalize

Lang = Literal["zh-Hans", "zh-Hant"]
Record = Mapping[str, object]

MAX_PRODUCTS = 4
MAX_ATTRIBUTES = 60
MAX_VALUE_CHARS = 200
"""Longer attribute values are cut at a clause end and the cut is reported."""
MAX_NAME_CHARS = 120
MAX_FACTS = 20
MAX_CANDIDATES = 20

_FIELDS = frozenset(
    "id industry lang channel tone audience phase products facts keywords avoid n copy used status".split()
)
_PRODUCT_FIELDS = frozenset("id sku name brand category attributes price".split())
# English units as merchants export them -> the form Chinese readers expect. Longest first.
_UNITS = {
    r"hours?|hrs?": "小时",
    r"minutes?|mins?": "分钟",
    r"seconds?|secs?": "秒",
    r"days?": "天",
    r"months?": "个月",
    r"years?|yrs?": "年",
    r"inch(?:es)?": "英寸",
    r"grams?": "g",
    r"kilograms?|kgs": "kg",
    r"lit(?:er|re)s?": "升",
    r"millilit(?:er|re)s?": "ml",
    r"watts?": "W",
    r"pcs|pieces?": "件",
    r"pairs?": "双",
    r"sets?": "套",
    r"layers?": "层",
    r"m(?:et(?:er|re)s?)": "米",
}
_UNIT = re.compile(r"(?<=\d)[ ]*(?:" + "|".join(f"({p})" for p in _UNITS) + r")(?![A-Za-z])", re.IGNORECASE)
_UNIT_NAMES = list(_UNITS.values())


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Fact(_Frozen):
    """One triple of the knowledge graph that may be told of a product."""

    subject: str
    relation: str
    object: str
    id: str = ""
    source: str = "given"


class Product(_Frozen):
    """One product with the attributes the merchant vouches for."""

    name: str
    brand: str = ""
    category: str = ""
    attributes: dict[str, str] = Field(default_factory=dict)
    price: str = ""


class Brief(_Frozen):
    """Everything the writer may know and must respect."""

    products: tuple[Product, ...]
    channel: str
    tone: str = "简约"
    audience: str = ""
    phase: str = "日常"
    lang: Lang = "zh-Hans"
    facts: tuple[Fact, ...] = ()
    keywords: tuple[str, ...] = ()
    """Each must appear verbatim in the copy."""
    avoid: tuple[str, ...] = ()
    """None may appear in the copy."""
    industry: str = ""
    id: str = ""
    n: int = 1
    """Number of copies wanted, 1 to MAX_CANDIDATES."""


@dataclass(frozen=True, slots=True)
class Change:
    """Something that was cleaned in the merchant's input."""

    field: str
    what: str


def _spell_units(text: str) -> str:
    return _UNIT.sub(lambda m: _UNIT_NAMES[next(i for i, group in enumerate(m.groups()) if group)], text)


def _cut(text: str, limit: int) -> str:
    """Cut at the last clause end within the limit, else at the limit."""
    head = text[:limit]
    end = max(head.rfind(mark) for mark in "。；;！!，,、\n ")
    return (head[:end] if end >= limit // 2 else head).rstrip("，,、；; ")


class _Reader:
    """Reads one record, remembering what it changed."""

    def __init__(self) -> None:
        self.changes: list[Change] = []

    def text(self, value: object, field: str, limit: int = MAX_VALUE_CHARS) -> str:
        if value is None:
            return ""
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            raise InvalidBrief(f"expected text, got {type(value).__name__}; write it as a string", field=field)
        raw = str(value)
        clean = _spell_units(normalize(raw))
        if clean != raw.strip():
            self.changes.append(Change(field, "cleaned (markup, widths, blanks or units)"))
        if len(clean) > limit:
            self.changes.append(Change(field, f"cut from {len(clean)} to at most {limit} characters"))
            clean = _cut(clean, limit)
        return clean

    def texts(self, value: object, field: str, limit: int) -> tuple[str, ...]:
        if value is None or value == "":
            return ()
        if isinstance(value, str):
            value = [part for part in re.split(r"[,，;；、\n]", value) if part.strip()]
        if not isinstance(value, Sequence):
            raise InvalidBrief("expected a list of texts or one text with commas", field=field)
        if len(value) > limit:
            raise InvalidBrief(f"{len(value)} entries; at most {limit} are taken", field=field)
        clean = (self.text(item, f"{field}[{i}]", 60) for i, item in enumerate(value))
        return tuple(dict.fromkeys(text for text in clean if text))

    def attributes(self, value: object, field: str) -> dict[str, str]:
        if value is None:
            return {}
        if isinstance(value, Mapping):
            pairs = list(value.items())
        elif isinstance(value, Sequence) and not isinstance(value, str):
            pairs = []
            for i, item in enumerate(value):
                if not isinstance(item, Sequence) or isinstance(item, str) or len(item) != 2:
                    raise InvalidBrief("expected a pair [name, value]", field=f"{field}[{i}]")
                pairs.append((item[0], item[1]))
        else:
            raise InvalidBrief('expected an object such as {"颜色": "雾霾蓝"}', field=field)
        clean: dict[str, str] = {}
        for key, item in pairs:
            name = self.text(key, f"{field} name", 40)
            if isinstance(item, Sequence) and not isinstance(item, str):
                item = "、".join(self.text(part, f"{field}.{name}") for part in item)
            text = self.text(item, f"{field}.{name}")
            if not name or not text:
                self.changes.append(Change(f"{field}.{name or '(no name)'}", "dropped: empty"))
            elif name in clean and clean[name] != text:
                # Which of two values is true is not ours to guess: the first stands and the merchant is told.
                self.changes.append(
                    Change(f"{field}.{name}", f"contradictory: {clean[name]!r} and {text!r}; kept the first")
                )
            else:
                clean.setdefault(name, text)
        if len(clean) > MAX_ATTRIBUTES:
            dropped = len(clean) - MAX_ATTRIBUTES
            self.changes.append(Change(field, f"{dropped} attributes over {MAX_ATTRIBUTES} dropped"))
            clean = dict(list(clean.items())[:MAX_ATTRIBUTES])
        return clean

    def product(self, value: object, field: str) -> Product:
        if not isinstance(value, Mapping):
            raise InvalidBrief("expected an object with at least a name", field=field)
        if unknown := sorted(str(k) for k in value.keys() - _PRODUCT_FIELDS):
            raise InvalidBrief(
                f"unknown; a product has {', '.join(sorted(_PRODUCT_FIELDS))}; put the rest under attributes",
                field=f"{field}.{unknown[0]}",
            )
        name = self.text(value.get("name"), f"{field}.name", MAX_NAME_CHARS)
        if not name:
            raise InvalidBrief("empty; give the product's name", field=f"{field}.name")
        return Product(
            name=name,
            brand=self.text(value.get("brand"), f"{field}.brand", 40),
            category=self.text(value.get("category"), f"{field}.category", 40),
            attributes=self.attributes(value.get("attributes"), f"{field}.attributes"),
            price=self.text(value.get("price"), f"{field}.price", 60),
        )

    def fact(self, value: object, field: str) -> Fact:
        if isinstance(value, Mapping):
            parts = {k: self.text(value.get(k), f"{field}.{k}") for k in ("subject", "relation", "object")}
        elif isinstance(value, Sequence) and not isinstance(value, str) and len(value) == 3:
            parts = {
                k: self.text(v, f"{field}.{k}") for k, v in zip(("subject", "relation", "object"), value, strict=True)
            }
        else:
            raise InvalidBrief("expected [subject, relation, object]", field=field)
        if not all(parts.values()):
            raise InvalidBrief("subject, relation and object must not be empty", field=field)
        return Fact(**parts)


def read_brief(record: Record) -> tuple[Brief, list[Change]]:
    """Validate and clean one record.

    Args:
        record: A decoded JSON object of the record schema. `copy`, `used` and `status` are ignored, so corpus
            records can be written again as they are.

    Raises:
        InvalidBrief: Names the field, what was expected and the fix.
    """
    if not isinstance(record, Mapping):
        raise InvalidBrief(f"expected a JSON object, got {type(record).__name__}", field="(record)")
    if unknown := sorted(str(k) for k in record.keys() - _FIELDS):
        raise InvalidBrief(f"unknown field; known are {', '.join(sorted(_FIELDS))}", field=unknown[0])
    reader = _Reader()
    products = record.get("products")
    if not isinstance(products, Sequence) or isinstance(products, str) or not products:
        raise InvalidBrief("expected a list of 1 to 4 products", field="products")
    if len(products) > MAX_PRODUCTS:
        raise InvalidBrief(f"{len(products)} products; one copy takes at most {MAX_PRODUCTS}", field="products")
    facts = record.get("facts") or []
    if not isinstance(facts, Sequence) or isinstance(facts, str):
        raise InvalidBrief("expected a list of [subject, relation, object]", field="facts")
    if len(facts) > MAX_FACTS:
        raise InvalidBrief(f"{len(facts)} facts; at most {MAX_FACTS} are taken", field="facts")
    lang = record.get("lang") or "zh-Hans"
    if lang not in ("zh-Hans", "zh-Hant"):
        raise InvalidBrief(f"{lang!r} is not known; use zh-Hans or zh-Hant", field="lang")
    n = record.get("n", 1)
    if isinstance(n, bool) or not isinstance(n, int) or not 1 <= n <= MAX_CANDIDATES:
        raise InvalidBrief(f"{n!r}; expected a whole number from 1 to {MAX_CANDIDATES}", field="n")
    channel = reader.text(record.get("channel"), "channel", 40)
    if not channel:
        raise InvalidBrief("empty; `copygen channels` lists them", field="channel")
    brief = Brief(
        id=reader.text(record.get("id"), "id", 120),
        industry=reader.text(record.get("industry"), "industry", 40),
        lang="zh-Hant" if lang == "zh-Hant" else "zh-Hans",
        channel=channel,
        tone=reader.text(record.get("tone"), "tone", 20) or "简约",
        audience=reader.text(record.get("audience"), "audience", 60),
        phase=reader.text(record.get("phase"), "phase", 20) or "日常",
        products=tuple(reader.product(item, f"products[{i}]") for i, item in enumerate(products)),
        facts=tuple(reader.fact(item, f"facts[{i}]") for i, item in enumerate(facts)),
        keywords=reader.texts(record.get("keywords"), "keywords", 5),
        avoid=reader.texts(record.get("avoid"), "avoid", 50),
        n=n,
    )
    if clash := [word for word in brief.keywords if any(avoided in word for avoided in brief.avoid)]:
        raise InvalidBrief(f"{clash[0]!r} is also in avoid; remove it from one of the two", field="keywords")
    return brief, reader.changes
