"""Which copies that are live are no longer true or no longer legal: after a product, a fact or a rule has changed."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from copygen.brief import Product, read_brief
from copygen.compliance import check_compliance
from copygen.evidence import check_evidence
from copygen.finding import Finding, errors
from copygen.text import sentence_spans
from copygen.write import FactSource

from serving.loop.experiment import dump_record
from serving.loop.published import Published
from serving.loop.published_store import names_of

_FIELDS = ("name", "brand", "category", "price")
_LIST_MARK = re.compile(r"[、,，;；/|]")
_MIN_CHARS = 2
"""Shorter values are said by chance."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence of a copy with what is wrong in it."""

    where: str
    start: int
    end: int
    text: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Stale:
    """A copy that has to be changed or taken down."""

    published: Published
    sentences: tuple[Sentence, ...]


def recheck(published: Published, facts: FactSource | None = None) -> Stale | None:
    """Check a live copy against what its products are now and the rules as they are now; None: it may stay.

    The limits of its channel are not looked at: they cannot have changed what is true.
    """
    brief, _ = read_brief(published.record)
    if facts is not None and not brief.facts:  # as when it was written
        brief = brief.model_copy(update={"facts": tuple(facts(brief))})
    pieces = published.shown.copy.texts()
    wrong = errors([*check_evidence(pieces, brief).findings, *check_compliance(pieces, brief)])
    wrong += [one for one in _outdated(pieces, published.outdated) if not any(_overlap(one, other) for other in wrong)]
    sentences = [
        Sentence(where, start, end, text[start:end], tuple(found))
        for where, text in pieces
        for start, end in sentence_spans(text) or [(0, len(text))]
        if (found := [one for one in wrong if one.where == where and start <= one.start < max(end, start + 1)])
    ]
    return Stale(published, tuple(sentences)) if sentences else None


def _outdated(pieces: Sequence[tuple[str, str]], outdated: Mapping[str, str]) -> Iterator[Finding]:
    """Old values word for word: of a colour or a material no check can say that it belongs to another product."""
    for where, text in pieces:
        for value, reason in outdated.items():
            if (start := text.find(value)) >= 0:
                yield Finding("outdated", where, start, start + len(value), value, reason)


def _overlap(one: Finding, other: Finding) -> bool:
    return one.where == other.where and one.start < other.end and other.start < one.end


def with_changes(published: Published, products: Sequence[Mapping[str, Any]]) -> Published | None:
    """A live copy with the changed products in its record; None: none of them is its own.

    A product is known by its id, SKU or name. Fields and attributes that are given replace those of the same name, an
    attribute given as null is gone, and what is not given stays as it was.
    """
    record = published.record
    only = len(record["products"]) == 1
    changed = False
    for change in products:
        names = {str(change[key]) for key in ("id", "sku", "name") if change.get(key)}
        for product in record["products"]:
            # The id beside the products is that of the only one.
            own = {"id": record.get("id") if only else None, "products": [product]}
            if names & names_of(own):
                _apply(product, change)
                changed = True
    if not changed:
        return None
    before, after = (read_brief(one)[0].products for one in (published.record, record))
    said = "\n".join(value for product in after for value in _values(product).values())
    outdated = dict(published.outdated)
    for old, new in zip(before, after, strict=True):
        values = _values(new)
        for name, value in _values(old).items():
            outdated |= dict.fromkeys((value, *_LIST_MARK.split(value)), _became(name, values.get(name)))
    outdated = {value: what for value, what in outdated.items() if value not in said and len(value) >= _MIN_CHARS}
    return replace(published, brief=dump_record(record), outdated=outdated)


def _values(product: Product) -> dict[str, str]:
    return {"品牌": product.brand, "价格": product.price, **product.attributes}


def _became(name: str, value: str | None) -> str:
    return f"{name}已改为「{value}」" if value else f"{name}已取消"


def _apply(product: dict[str, Any], change: Mapping[str, Any]) -> None:
    product.update({key: change[key] for key in _FIELDS if change.get(key) is not None})
    attributes = dict(_pairs(product.get("attributes")))
    for name, value in _pairs(change.get("attributes")):
        if value is None:
            attributes.pop(name, None)
        else:
            attributes[name] = value
    product["attributes"] = attributes


def _pairs(attributes: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(attributes, Mapping):
        return attributes.items()
    return ((str(name), value) for name, value in attributes or ())
