"""What the merchant gave, folded for comparison: names, values, numbers, kinds of goods, hidden commands left out."""

import re
from dataclasses import dataclass
from functools import lru_cache

from copygen.brief import Brief
from copygen.fold import fold
from copygen.injection import Command, fields, read_texts
from copygen.numerals import parse_number
from copygen.rule import RuleSet

_NUMBER = re.compile(r"\d+(?:\.\d+)?|[零一二两三四五六七八九十百千]+")
_RUN = re.compile(r"[\u3400-\u9fff]{2,}|[a-z0-9]{2,}")


@lru_cache(maxsize=256)
def number_set(text: str) -> frozenset[str]:
    """Numbers in folded text as plain digits; 一 alone is a word more often than a number."""
    values = (parse_number(match[0]) for match in _NUMBER.finditer(text) if match[0] != "一")
    return frozenset(f"{value:g}" for value in values if value is not None)


@dataclass(frozen=True, slots=True)
class Given:
    """One brief as the rules look at it."""

    text: str
    """Everything given, folded."""
    names: str
    """The same without blanks."""
    scopes: frozenset[str]
    commands: tuple[Command, ...]
    """Instructions hidden in the fields; they are no basis for anything."""

    @classmethod
    def of(cls, brief: Brief, rules: RuleSet) -> "Given":
        keys = " ".join(key for product in brief.products for key in product.attributes)
        return _read(tuple(fields(brief)), f"{brief.industry} {keys}", rules)

    def supports(self, text: str, thing: str) -> bool:
        """Whether every number in an offer was given, and the thing it promises too.

        A thing counts as given when two neighbouring Chinese characters or a Latin word of it were.
        """
        runs = _RUN.findall(thing)
        return number_set(text) <= number_set(self.text) and (
            not runs
            or any(
                run in self.text if run[0] < "\u3400" else any(run[i : i + 2] in self.text for i in range(len(run) - 1))
                for run in runs
            )
        )


@lru_cache(maxsize=256)
def _read(texts: tuple[tuple[str, str], ...], words: str, rules: RuleSet) -> Given:
    """Reading a brief costs as much as checking a copy against it, so it is done once for all its copies."""
    read = read_texts(texts, rules)
    text = f"{read.facts}\n{fold(words).text}"
    return Given(
        text=text,
        names=text.replace(" ", ""),
        scopes=frozenset(name for name, pattern in rules.scopes.items() if pattern.search(text)),
        commands=read.commands,
    )
