"""The write form's fields: as typed, as a record for the core, and which field a problem belongs to.

Problems are codes; their words are in templates/_words.html, so that a translation touches templates only.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from pathlib import Path
from typing import Any

from copygen.brief import MAX_CANDIDATES, MAX_PRODUCTS
from copygen.channel import load_channels
from copygen.errors import CopygenError, InvalidBrief, UnknownChannel

PRODUCT_FIELDS = ("name", "brand", "category", "price", "attributes")
BRIEF_FIELDS = ("channel", "tone", "audience", "phase", "keywords", "avoid", "lang", "n")
DEFAULTS = {"channel": "discover", "tone": "简约", "phase": "日常", "lang": "zh-Hans", "n": "2"}
MIN_ROWS = 4
"""Rows for attributes an empty form shows."""
_SEPARATORS = str.maketrans("=＝:：\t\n\r", "       ")
_PAIR = re.compile(r"^(?P<name>[^=＝:：\t]{1,40}?)\s*[=＝:：\t]\s*(?P<value>.+)$")
_ROW_FIELDS = ("", *(f"_{i + 1}" for i in range(1, MAX_PRODUCTS)))
_PARAM = re.compile(r"^(?:products\[(?P<product>\d+)\]\.)?(?P<field>[a-z]+)")


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a field cannot be used."""

    code: str
    detail: str = ""
    """What it is about: a line as typed, a limit, or the core's own message."""


@dataclass(frozen=True, slots=True)
class WriteForm:
    """What a merchant typed; nothing is lost when the form is shown again."""

    values: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def read(cls, fields: Iterable[tuple[str, str]]) -> "WriteForm":
        """The form as a browser sends it: attributes come as rows of a name and a value, or as one text."""
        values: dict[str, str] = {}
        rows: dict[str, tuple[list[str], list[str]]] = {}
        for name, value in fields:
            stem, mark, number = name.partition("_row")
            if mark and number in _ROW_FIELDS and stem in ("name", "value"):
                rows.setdefault(number, ([], []))[stem == "value"].append(value)
            else:
                values[name] = value
        for number, (names, texts) in rows.items():
            lines = pair_lines((n, v) for n, v in zip_longest(names, texts, fillvalue="") if n.strip() or v.strip())
            typed = values.get(f"attributes{number}", "")
            values[f"attributes{number}"] = "\n".join(filter(None, (typed, lines)))
        return cls(values)

    @classmethod
    def of_record(cls, record: Mapping[str, Any]) -> "WriteForm":
        """The form a record of the core could have come from."""
        values = {key: str(record[key]) for key in BRIEF_FIELDS if isinstance(record.get(key), str)}
        for key in ("keywords", "avoid"):
            values[key] = "，".join(record.get(key, ()))
        for i, product in enumerate(record["products"]):
            values |= {field_name(key, i): str(product[key]) for key in PRODUCT_FIELDS if key != "attributes"}
            values[field_name("attributes", i)] = pair_lines(product["attributes"].items())
        return cls(values)

    def rows(self, product: int, spare: int = 1) -> list[tuple[str, str]]:
        """Names and values of the attributes as typed, and empty rows to go on with."""
        rows = []
        for line in self.get(field_name("attributes", product)).splitlines():
            if match := _PAIR.match(line.strip()):
                rows.append((match["name"].strip(), match["value"].strip()))
            elif line.strip():
                name, mark, value = line.strip().partition("=")
                rows.append((name.strip(), value.strip()) if mark else (line.strip(), ""))
        return rows + [("", "")] * max(spare, MIN_ROWS - len(rows))

    def get(self, name: str) -> str:
        return self.values.get(name, DEFAULTS.get(name, ""))

    def is_filled(self, product: int) -> bool:
        return any(self.get(field_name(key, product)).strip() for key in PRODUCT_FIELDS)

    def check(self) -> dict[str, Problem]:
        """Problems by field name, all of them at once; empty when the form can be sent on."""
        problems: dict[str, Problem] = {}
        filled = [i for i in range(MAX_PRODUCTS) if i == 0 or self.is_filled(i)]
        for i in filled:
            if not self.get(field_name("name", i)).strip():
                problems[field_name("name", i)] = Problem("name_missing")
            _, bad_lines = read_pairs(self.get(field_name("attributes", i)))
            if bad_lines:
                problems[field_name("attributes", i)] = Problem("not_a_pair", bad_lines[0])
            elif not any(self.get(field_name(key, i)).strip() for key in ("attributes", "category")):
                problems[field_name("attributes", i)] = Problem("nothing_to_tell")
        channel = load_channels().get(self.get("channel"))
        if channel is None:
            problems["channel"] = Problem("unknown_choice")
        elif len(filled) < channel.min_products:
            problems["channel"] = Problem("too_few_products", str(channel.min_products))
        elif len(filled) > channel.max_products:
            problems["channel"] = Problem("too_many_products", str(channel.max_products))
        n = self.get("n").strip()
        if not (n.isascii() and n.isdigit() and 1 <= int(n) <= MAX_CANDIDATES):
            problems["n"] = Problem("not_a_count", str(MAX_CANDIDATES))
        return problems

    def record(self) -> dict[str, object]:
        """The record of a form without problems."""
        products: list[dict[str, object]] = []
        for i in range(MAX_PRODUCTS):
            if i == 0 or self.is_filled(i):
                product: dict[str, object] = {key: self.get(field_name(key, i)) for key in PRODUCT_FIELDS}
                product["attributes"] = read_pairs(self.get(field_name("attributes", i)))[0]
                products.append(product)
        return {**{name: self.get(name) for name in BRIEF_FIELDS}, "n": int(self.get("n")), "products": products}


def field_name(key: str, product: int) -> str:
    """name for the first product, name_2 for the second."""
    return key if product == 0 else f"{key}_{product + 1}"


def pair_lines(pairs: Iterable[tuple[str, str]]) -> str:
    """Pairs as `read_pairs` takes them."""
    return "\n".join(f"{name.translate(_SEPARATORS).strip()}={' '.join(value.split())}" for name, value in pairs)


def read_pairs(text: str) -> tuple[list[list[str]], list[str]]:
    """(pairs, lines that are none); one pair a line: 名=值, 名：值, or a tab between them as spreadsheets paste."""
    pairs, bad_lines = [], []
    for line in text.splitlines():
        if not line.strip():
            continue
        if match := _PAIR.match(line.strip()):
            pairs.append([match["name"].strip(), match["value"].strip()])
        else:
            bad_lines.append(line.strip())
    return pairs, bad_lines


def problem_of(error: CopygenError) -> dict[str, Problem]:
    """The form field a failure belongs to, if it belongs to one."""
    match = _PARAM.match(error.param or "") if isinstance(error, InvalidBrief | UnknownChannel) else None
    if match is None or match["field"] not in (*PRODUCT_FIELDS, *BRIEF_FIELDS):
        return {}
    code = f"{match['field']}_unusable" if match["field"] in ("keywords", "avoid") else "unusable"
    return {field_name(match["field"], int(match["product"] or 0)): Problem(code, error.message)}


@lru_cache(maxsize=1)
def sample_form() -> WriteForm:
    """A product to try the form with."""
    sample = json.loads((Path(__file__).parent / "sample.json").read_text(encoding="utf-8"))
    return WriteForm({str(name): str(value) for name, value in sample.items()})
