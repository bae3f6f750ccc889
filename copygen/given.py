"""What the merchant gave, folded for comparison: names, values, numbers, kinds of goods, hidden commands left out."""

import re
from dataclasses import dataclass

import cn2an

from copygen.brief import Brief
from copygen.fold import fold
from copygen.injection import Command, commands, fields
from copygen.rule import RuleSet

_NUMBER = re.compile(r"\d+(?:\.\d+)?|[零一二两三四五六七八九十百千]+")
_HAN = re.compile(r"[\u3400-\u9fff]{2,}|[a-z0-9]{2,}")


def number_set(text: str) -> frozenset[str]:
    """Numbers in folded text as plain digits; 一 alone is a word more often than a number."""
    found = set()
    for match in _NUMBER.finditer(text):
        if match[0] == "一":
            continue
        if match[0][0].isdigit():
            found.add(f"{float(match[0]):g}")
        else:
            try:
                found.add(f"{float(cn2an.cn2an(match[0], 'smart')):g}")
            except (ValueError, OverflowError):
                continue
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Given:
    """One brief as the rules look at it."""

    text: str
    """Everything given, folded."""
    names: str
    """Names, categories and values, folded, without blanks."""
    numbers: frozenset[str]
    scopes: frozenset[str]
    commands: tuple[Command, ...]
    """Instructions hidden in the fields; they are no basis for anything."""

    @classmethod
    def of(cls, brief: Brief, rules: RuleSet) -> "Given":
        hidden = commands(brief, rules)
        cut = {command.where: command.start for command in hidden}
        plain = {where: fold(text[: cut.get(where, len(text))]).text for where, text in fields(brief)}
        keys = [key for product in brief.products for key in product.attributes]
        text = "\n".join((*plain.values(), *(fold(key).text for key in keys)))
        kind = "\n".join((fold(brief.industry).text, *plain.values()))
        return cls(
            text=text,
            names="\n".join(value.replace(" ", "") for where, value in plain.items() if not where.endswith(".price")),
            numbers=number_set(text),
            scopes=frozenset(name for name, pattern in rules.scopes.items() if pattern.search(kind)),
            commands=hidden,
        )

    def mentions(self, thing: str) -> bool:
        """Whether two neighbouring characters of the thing were given, or nothing is named."""
        runs = _HAN.findall(thing)
        return not runs or any(run[i : i + 2] in self.text for run in runs for i in range(len(run) - 1))
