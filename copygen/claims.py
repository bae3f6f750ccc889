"""What a brief vouches for, made ready to compare with: texts with their source, and the quantities in them.

Reading a brief costs more than checking a copy against it, so the result is kept for the next copy of the same brief.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
from itertools import pairwise

from copygen.brief import Brief
from copygen.numerals import plain
from copygen.quantity import Quantity, find_quantities

_ITEMS = re.compile(r"[、/，,;；+|｜]")
_TIMES = re.compile(r"(?:/\w)?\s*[×xX*✕]\s*")
_BARE_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(万?)")


@dataclass(frozen=True, eq=False)
class Claim:
    """One thing the brief says."""

    source: str
    """Where it says so: attributes.续航, products[1].attributes.续航, price, name, category, facts[0], keywords[0]."""
    name: str
    """Attribute name or fact subject in plain form; empty for the rest."""
    text: str
    """Plain form of what it says."""
    quantities: tuple[Quantity, ...]
    product: int | None = None

    @cached_property
    def numbers(self) -> frozenset[float]:
        """Every number written here, whatever its unit."""
        written = {float(n) * (10_000 if scale else 1) for n, scale in _BARE_NUMBER.findall(f"{self.name} {self.text}")}
        return frozenset(written | {q.low for q in self.quantities if q.is_count or q.dimension == "number"})


@dataclass(frozen=True, eq=False)
class Claims:
    """All that a brief vouches for."""

    items: tuple[Claim, ...]
    products: int

    @cached_property
    def text(self) -> str:
        """Everything in one plain text."""
        return "\n".join(f"{claim.name} {claim.text}" for claim in self.items)

    @cached_property
    def numbers(self) -> frozenset[float]:
        """Every bare number written anywhere, the lengths of lists, and the number of products."""
        listed = {float(len(_ITEMS.split(claim.text))) for claim in self.items}
        return frozenset(listed | {float(self.products)}).union(*(claim.numbers for claim in self.items))

    def of(self, dimension: str) -> list[tuple[Claim, Quantity]]:
        """The quantities of one dimension with the claims that hold them."""
        return self._by_dimension.get(dimension, [])

    def holding(self, number: float) -> Claim | None:
        """The first claim with a quantity of this size."""
        return next((claim for claim, known in self.measured if number in (known.low, known.high)), None)

    @cached_property
    def attributes(self) -> tuple[Claim, ...]:
        """The claims that are attributes of a product."""
        return tuple(claim for claim in self.items if "attributes." in claim.source)

    @cached_property
    def _by_dimension(self) -> dict[str, list[tuple[Claim, Quantity]]]:
        table: dict[str, list[tuple[Claim, Quantity]]] = {}
        for claim in self.items:
            for quantity in claim.quantities:
                table.setdefault(quantity.dimension, []).append((claim, quantity))
        return table

    def named(self, clause: str) -> frozenset[int]:
        """The products of several that a clause in plain form names by their last words: 露营灯; 灯 at its start."""
        said = clause.lstrip()
        return frozenset(
            product
            for product, heads in self._heads.items()
            if any(head in clause if len(head) > 1 else said.startswith(head) for head in heads)
        )

    @cached_property
    def _heads(self) -> dict[int, set[str]]:
        heads: dict[int, set[str]] = {}
        for claim in self.items if self.products > 1 else ():
            if claim.product is not None and claim.source.endswith(("name", "category")):
                heads.setdefault(claim.product, set()).update((claim.text[-2:], claim.text[-1:]))
        shared = {head for words in heads.values() for head in words if sum(head in w for w in heads.values()) > 1}
        return {product: words - shared - {""} for product, words in heads.items()}

    def about(self, clause: str) -> Claim | None:
        """The claim a clause in plain form retells: it shares most with it, two pairs of characters at least."""
        pairs = [pair for i in range(len(clause) - 1) if (pair := clause[i : i + 2]) in self.text and pair.isalnum()]
        best, most = None, 0
        for claim in self.items:
            shared = sum(pair in claim.text or pair in claim.name for pair in pairs)
            if shared > most:
                best, most = claim, shared
        return best if best and (most >= 2 or best.text in clause) else None

    @cached_property
    def measured(self) -> list[tuple[Claim, Quantity]]:
        """All quantities but dates and clock times."""
        return [(c, q) for c in self.items for q in c.quantities if q.dimension not in ("date", "clock", "ratio")]


@dataclass(frozen=True, slots=True)
class Fault:
    """Something in a text that the brief does not bear out: text[start:end]."""

    label: str
    start: int
    end: int
    said: str
    """What is said, in quotes, as a merchant reads it."""
    claim: Claim | None
    """What the brief says instead, where it says something."""
    quantity: Quantity | None = None
    """The quantity that is wrong, where it is one."""


Hit = tuple[int, int, str, Claim]
"""(start, end, what is said, the claim it goes against) within a clause."""

Source = tuple[str, str, str, int | None]


def _sources(brief: Brief) -> Iterator[Source]:
    """(source, name, text, product number) of everything the brief says."""
    many = len(brief.products) > 1
    for i, product in enumerate(brief.products):
        prefix = f"products[{i}]." if many else ""
        named = product.name if product.brand in product.name else f"{product.brand} {product.name}"
        yield f"{prefix}name", "", named, i
        yield f"{prefix}category", "", product.category, i
        if product.price:
            yield f"{prefix}price", "价格", product.price, i
        for name, value in product.attributes.items():
            yield f"{prefix}attributes.{name}", name, value, i
    for i, fact in enumerate(brief.facts):
        yield f"facts[{i}]", fact.subject, fact.object, None
    for i, keyword in enumerate(brief.keywords):
        yield f"keywords[{i}]", "", keyword, None
    if brief.audience:
        yield "audience", "", brief.audience, None


def multiplied(quantities: list[Quantity], text: str) -> list[Quantity]:
    """What the multiplications in the text come to: 10g×12包 is 120 g, 4次×3小时 is 12 hours."""
    return [
        times(left, right)
        for left, right in pairwise(quantities)
        if _TIMES.fullmatch(text[left.end : right.start])
        and (left.is_count != right.is_count or right.dimension == "number")
    ]


def times(left: Quantity, right: Quantity) -> Quantity:
    """A count times a measure: the measure, that many times."""
    count, measure = (left, right) if left.is_count and right.dimension != "number" else (right, left)
    text = f"{left.text}×{right.text}"
    return replace(measure, low=measure.low * count.low, high=measure.high * count.high, end=right.end, text=text)


@lru_cache(maxsize=512)
def _read(sources: tuple[Source, ...], products: int) -> Claims:
    items = []
    for source, name, text, product in sources:
        found = find_quantities(text)
        in_name = [q for q in find_quantities(name) if q.dimension != "number"]
        items.append(Claim(source, plain(name), plain(text), (*found, *multiplied(found, text), *in_name), product))
    return Claims(tuple(items), products)


def read_claims(brief: Brief) -> Claims:
    """What the brief vouches for; kept for the last briefs seen."""
    return _read(tuple(_sources(brief)), len(brief.products))
