"""Words of a text that name something in a graph. Knows spelling, not products, and not what the words mean.

Every name and alias is in one Aho-Corasick automaton, folded so that script, case, width and blanks do not matter.
The longest match wins; short words must be words (jieba). `copygen.sense` settles what a word means.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import ahocorasick
import jieba

from copygen.text import to_hans
from copygen.triples import Entity

jieba.setLogLevel("ERROR")
_CUT = re.compile(r"[a-z]\|[a-z]|\d\|\d|\d\.\|\d|\d\|\.\d")
"""A border, written |, that would cut a Latin word or a number."""
_HAN = r"\u3400-\u9fff"
_JOIN = re.compile(
    rf"(?<=[{_HAN}]) (?=[0-9a-z])|(?<=[0-9a-z%+]) (?=[{_HAN}])|(?<=[a-z]) (?=\d)|(?<=[0-9a-z])[-‐–](?=[0-9a-z])"
)


def fold(text: str) -> str:
    """One form for all spellings: Simplified, lower case, no blank or hyphen that only sets a number or letter off."""
    return _JOIN.sub("", to_hans(text).lower())


@dataclass(frozen=True, slots=True)
class Mention:
    """A word of the product that names something in the graph."""

    field: str
    """name, category or attributes.<name>."""
    word: str
    """Folded as in `fold`."""
    start: int
    end: int


class Lexicon:
    """Folded names and aliases -> IRIs of the entities that bear them."""

    def __init__(self, names: Iterable[tuple[str, str]]) -> None:
        senses: dict[str, tuple[str, ...]] = {}
        for iri, name in names:
            word = fold(name)
            known = senses.get(word, ())
            if word and iri not in known:
                senses[word] = (*known, iri)
        self._automaton = ahocorasick.Automaton(ahocorasick.STORE_LENGTH)
        for word in senses:
            self._automaton.add_word(word)
        if senses:
            self._automaton.make_automaton()
        self._senses = senses

    def __len__(self) -> int:
        return len(self._senses)

    def senses(self, word: str) -> tuple[str, ...]:
        """IRIs of the entities a folded word may mean."""
        return self._senses.get(word, ())

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Spans (start, end) of every known word in a folded text, overlapping ones included."""
        if self._senses:
            for last, length in self._automaton.iter(text):
                yield last + 1 - length, last + 1


class Thesaurus(Protocol):
    """What linking asks of a graph, of one layer or several."""

    def spans(self, text: str) -> Iterable[tuple[int, int]]: ...

    def senses(self, word: str) -> Sequence[Entity]: ...

    def is_a(self, name: str, ancestor: str) -> bool: ...


def _whole(text: str, start: int, end: int) -> bool:
    """Whether a span is a word: numbers and Latin words not cut, short Chinese ones on jieba's borders."""
    if any(_CUT.search(f"{text[max(0, at - 2) : at]}|{text[at : at + 2]}") for at in (start, end)):
        return False
    before, after = text[start - 1 : start], text[end : end + 1]
    han_before, han_after = before > "\u3400", after > "\u3400"
    if end - start == 1 and (han_before or before.isalpha()):  # PP棉 and 泡棉 are no 棉
        return False
    if end - start > 2 or not (han_before or han_after):
        return True
    borders = {0}
    for token in jieba.cut(text, HMM=False):
        borders.add(max(borders) + len(token))
    # 直筒 in 直筒裤 and 玩具 in 毛绒玩具 share one border with jieba's word; 洋装 in 海洋装饰 has none.
    return start in borders and end in borders if end - start == 1 else start in borders or end in borders


def find_mentions(thesaurus: Thesaurus, field: str, text: str) -> list[Mention]:
    """The longest known words of a text, not overlapping, in order."""
    text = fold(text)
    spans = sorted(set(thesaurus.spans(text)), key=lambda span: (span[0] - span[1], span[0]))
    taken: list[tuple[int, int]] = []
    for start, end in spans:
        if all(end <= a or b <= start for a, b in taken) and _whole(text, start, end):
            taken.append((start, end))
    return [Mention(field, text[start:end], start, end) for start, end in sorted(taken)]
