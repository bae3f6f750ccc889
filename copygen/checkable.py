"""Words a reader can check: materials, functions, origins, awards, services; and what supports each.

Read from `knowledge/checkable.toml` and the built-in graph's tables. Knows no copy and no law.
"""

import csv
import tomllib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

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


class Lexicon:
    """Finds checkable words in plain text, the longest at each place."""

    def __init__(
        self,
        terms: dict[str, Term],
        scales: list[tuple[str, ...]],
        opposites: list[tuple[tuple[str, ...], tuple[str, ...]]],
        materials: list[tuple[str, ...]],
    ) -> None:
        self.scales = scales
        self.opposites = opposites
        """(words in a copy, words in the brief) that cannot both be true."""
        self.materials = materials
        """Materials of one kind, the longest name first."""
        self._automaton = Automaton()
        for word, term in terms.items():
            self._automaton.add_word(word.lower(), (len(word), term))
        self._automaton.make_automaton()

    def find(self, text: str) -> Iterator[tuple[int, Term]]:
        """(start, term) of the words in the text, without overlaps."""
        taken = 0
        for end, (length, term) in self._automaton.iter_long(text.lower()):
            start = end + 1 - length
            if start >= taken:
                taken = end + 1
                yield start, term


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
    return Lexicon(terms, scales, opposites, materials)


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
