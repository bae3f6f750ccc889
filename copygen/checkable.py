"""Words a reader can check: materials, functions, origins, awards, services; and what supports each.

Read from `knowledge/checkable.toml` and the built-in graph's tables. Knows no copy and no law.
"""

import csv
import re
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TypeVar

from ahocorasick import Automaton

from copygen.numerals import plain

KNOWLEDGE = Path(__file__).resolve().parent / "knowledge"

_GRAPH_KINDS = frozenset("材质 功能 技术 工艺 成分 部件".split())
_MIN_GRAPH_CHARS = 3
"""Shorter names of the graph (麻布, 绒毛) are everyday words."""


@dataclass(frozen=True, slots=True)
class Term:
    """One checkable word with everything whose presence in the brief supports it."""

    word: str
    kind: str
    """材料, 功能, 产地, …: the class named to the merchant."""
    support: tuple[str, ...]
    """The word itself, its synonyms, and what is a kind of it; lower case."""
    of_graph: bool = False


@dataclass(frozen=True, slots=True)
class ValueClass:
    """Values of which a product has those its attribute lists and no others."""

    name: re.Pattern[str]
    """What an attribute of the class is called."""
    said: re.Pattern[str]
    """A value as a copy says it."""
    values: dict[str, tuple[str, ...]]
    """Value as said -> it and what supports it in a brief; the longest first."""

    def support_of(self, said: str) -> tuple[str, ...]:
        """What in a brief supports the value in what is said."""
        return next(names for value, names in self.values.items() if value in said)


Words = tuple[str, ...]


class Lexicon:
    """Finds checkable words in plain text, and the words that exclude one another."""

    def __init__(
        self,
        terms: dict[str, Term],
        scales: list[Words],
        opposites: list[tuple[Words, Words]],
        materials: list[Words],
        classes: list[ValueClass],
    ) -> None:
        self.materials = materials
        """Materials of one kind, the longest name first."""
        self._terms = _automaton({word.lower(): (len(word), term) for word, term in terms.items()})
        self._scales = _by_word((scale, scale) for scale in scales)
        self._opposites = _by_word((pair[0], pair) for pair in opposites)
        self._materials = _by_word((kind, kind) for kind in materials)
        self._classes = _by_word((values.values, values) for values in classes)
        tables = (self._scales, self._opposites, self._materials, self._classes)
        self._values = _automaton({word: word for table in tables for word in table})

    def scales_in(self, text: str) -> list[Words]:
        """Scales with a value in the text: values that exclude each other."""
        return _of_words(self._scales, self._present(text))

    def opposites_in(self, text: str) -> list[tuple[Words, Words]]:
        """(words in a copy, words in the brief) that cannot both be true, the former with one in the text."""
        return _of_words(self._opposites, self._present(text))

    def materials_in(self, text: str) -> list[Words]:
        """Materials of one kind, the longest name first, with one in the text."""
        return _of_words(self._materials, self._present(text))

    def classes_in(self, text: str) -> list[ValueClass]:
        """Classes with a value in the text."""
        return _of_words(self._classes, self._present(text))

    @lru_cache(maxsize=1024)  # noqa: B019  the one lexicon lives as long as the process
    def _present(self, text: str) -> Words:
        return tuple(dict.fromkeys(word for _, word in self._values.iter(text)))

    def find(self, text: str) -> Iterator[tuple[int, Term]]:
        """(start, term) of the words in the text, without overlaps."""
        taken = 0
        for end, (length, term) in self._terms.iter_long(text.lower()):
            start = end + 1 - length
            if start >= taken:
                taken = end + 1
                yield start, term


_T = TypeVar("_T")


def _automaton(words: Mapping[str, object]) -> Automaton:
    automaton = Automaton()
    for word, value in words.items():
        automaton.add_word(word, value)
    automaton.make_automaton()
    return automaton


def _by_word(groups: Iterable[tuple[Iterable[str], _T]]) -> dict[str, list[_T]]:
    table: dict[str, list[_T]] = {}
    for words, group in groups:
        for word in words:
            table.setdefault(word, []).append(group)
    return table


def _of_words(table: Mapping[str, list[_T]], words: Words) -> list[_T]:
    """The groups of the words, each once."""
    found = {id(group): group for word in words for group in table.get(word, ())}
    return list(found.values())


def _rows(name: str) -> Iterator[dict[str, str]]:
    with (KNOWLEDGE / name).open(encoding="utf-8", newline="") as file:
        yield from csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE)


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The built-in vocabulary."""
    data = tomllib.loads((KNOWLEDGE / "checkable.toml").read_text(encoding="utf-8"))
    terms = _graph_terms()
    for kind, lines in data["groups"].items():
        for line in lines:
            words, _, more = line.partition("|")
            group = words.split()
            for word in group:
                known = terms[word].support if word in terms else ()
                terms[word] = Term(word, kind, _lowered((*group, *more.split(), *known)))
    scales = [tuple(line.split()) for line in data["scales"]["values"]]
    pairs = [line.partition("|") for line in data["opposites"]["pairs"]]
    opposites = [(tuple(copy.split()), tuple(brief.split())) for copy, _, brief in pairs]
    materials = [tuple(sorted(line.split(), key=len, reverse=True)) for line in data["materials"]["classes"]]
    return Lexicon(terms, scales, opposites, materials, [_value_class(**entry) for entry in data["classes"]])


def _value_class(name: str, values: str, form: str = "{}") -> ValueClass:
    groups = sorted((tuple(group.split("/")) for group in values.split()), key=lambda names: -len(names[0]))
    any_value = f"(?:{'|'.join(re.escape(names[0]) for names in groups)})"
    said = re.compile(form.replace("{}", any_value))
    return ValueClass(re.compile(name), said, {names[0]: names for names in groups})


def _graph_terms() -> dict[str, Term]:
    kinds: dict[str, str] = {}
    names: defaultdict[str, set[str]] = defaultdict(set)
    narrower: defaultdict[str, set[str]] = defaultdict(set)
    for row in (row for name in ("commerce.tsv", "extra.tsv") for row in _rows(name)):
        subject, target = plain(row["subject"]), plain(row["object"])
        kinds[subject] = row["subject_type"]
        names[subject].add(subject)
        if row["relation"] == "同义":
            names[subject].add(target)
        elif row["relation"] == "属于":
            narrower[target].add(subject)
    for row in _rows("aliases.tsv"):
        names[plain(row["canonical"])].add(plain(row["alias"]))
    terms: dict[str, Term] = {}
    for subject, kind in kinds.items():
        if kind not in _GRAPH_KINDS:
            continue
        support = _lowered(sorted({name for below in _below(subject, narrower) for name in names[below]}))
        for name in names[subject]:
            if len(name) >= _MIN_GRAPH_CHARS and not name.isascii():
                terms[name] = Term(name, "材料" if kind == "材质" else kind, support, of_graph=True)
    return terms


def _below(name: str, narrower: dict[str, set[str]]) -> set[str]:
    """The name and all that is a kind of it."""
    seen, todo = {name}, [name]
    while todo:
        for below in narrower.get(todo.pop(), ()):
            if below not in seen:
                seen.add(below)
                todo.append(below)
    return seen


def _lowered(words: tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(word.lower() for word in words))
