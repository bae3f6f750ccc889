"""Where the words of the rules stand in a text: rules x folded text -> hits, the law's context not yet looked at.

One pass of an automaton finds all words and literals; only patterns whose literals are there are tried.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import ahocorasick

from copygen.fold import Folded, fold
from copygen.rule import Pattern, Rule, RuleSet

_LATIN = re.compile(r"[a-z0-9]")


@dataclass(frozen=True, slots=True)
class Hit:
    rule: Rule
    view: Folded
    start: int
    end: int
    what: str = ""

    @property
    def text(self) -> str:
        return self.view.text[self.start : self.end]


@dataclass(frozen=True, slots=True)
class _Entry:
    """What a word in the automaton stands for."""

    word: str
    rules: tuple[Rule, ...]
    classes: frozenset[str]


@lru_cache(maxsize=8)
def _automaton(rules: RuleSet) -> ahocorasick.Automaton:
    by_word: dict[str, tuple[list[Rule], set[str]]] = {}
    for rule in rules.rules:
        for term in rule.terms if rule.target == "copy" else ():
            by_word.setdefault(fold(term).text, ([], set()))[0].append(rule)
    for name, words in rules.words.items():
        for word in words:
            by_word.setdefault(word, ([], set()))[1].add(name)
    automaton = ahocorasick.Automaton()
    for word, (of_rules, classes) in by_word.items():
        automaton.add_word(word, _Entry(word, tuple(of_rules), frozenset(classes)))
    automaton.make_automaton()
    return automaton


def _whole_word(text: str, start: int, end: int) -> bool:
    """False when the span cuts a Latin word or a number in two."""
    left = start and _LATIN.match(text[start]) and _LATIN.match(text[start - 1])
    right = end < len(text) and _LATIN.match(text[end - 1]) and _LATIN.match(text[end])
    return not (left or right)


@dataclass(frozen=True, slots=True, eq=False)
class _Search:
    """One pattern of a rule, ready to run."""

    rule: Rule
    pattern: Pattern
    names: bool
    """Whether it has a group `what`."""


@dataclass(frozen=True, slots=True)
class _Plan:
    """The rules for one kind of goods, ordered by what a text must hold for them to match."""

    always: tuple[_Search, ...]
    by_class: Mapping[str, tuple[_Search, ...]]
    """Patterns that need a word of this class, each under the classes of its rarest need."""


@lru_cache(maxsize=64)
def _plan(rules: RuleSet, scopes: frozenset[str] | None) -> _Plan:
    always: list[_Search] = []
    by_class: dict[str, list[_Search]] = {}
    for rule in rules.rules:
        if rule.target != "copy" or not in_scope(rule, scopes):
            continue
        for pattern in rules.patterns[rule.id]:
            search = _Search(rule, pattern, "what" in pattern.regex.groupindex)
            if not pattern.needs:
                always.append(search)
                continue
            for name in min(pattern.needs, key=lambda need: sum(len(rules.words[word]) for word in need)):
                by_class.setdefault(name, []).append(search)
    return _Plan(tuple(always), {name: tuple(searches) for name, searches in by_class.items()})


def hits(rules: RuleSet, view: Folded, scopes: frozenset[str] | None) -> Iterator[Hit]:
    text = view.text
    present: set[str] = set()
    for last, entry in _automaton(rules).iter(text):
        present |= entry.classes
        start, end = last + 1 - len(entry.word), last + 1
        if entry.rules and _whole_word(text, start, end):
            for rule in entry.rules:
                if in_scope(rule, scopes):
                    yield Hit(rule, view, start, end)
    plan = _plan(rules, scopes)
    needing = {search for name in present for search in plan.by_class.get(name, ())}
    for search in (*plan.always, *(search for search in needing if search.pattern.possible(present))):
        for match in search.pattern.regex.finditer(text):
            if match.end() > match.start():
                what = match["what"] if search.names else ""
                yield Hit(search.rule, view, match.start(), match.end(), what or "")


def in_scope(rule: Rule, scopes: frozenset[str] | None) -> bool:
    """Whether a rule is for these goods; when the goods are unknown only rules for all goods apply."""
    if scopes is None:
        return not rule.scope
    return (not rule.scope or not scopes.isdisjoint(rule.scope)) and scopes.isdisjoint(rule.not_scope)
