"""Reads disguised writing: text is folded to a plain form, and every folded character remembers where it came from.

Widths, circled digits, Traditional script, zero-width and combining marks, look-alikes, split characters and homophones
fold away (`rules/fold.toml`); `tighten` also drops what is put between the characters of a word. Knows no law.
"""

import re
import tomllib
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from copygen.text import to_hans

RULES = Path(__file__).resolve().parent / "rules"

_DROPPED = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"})
_HAN = r"[\u3400-\u9fff]"
_WORD = r"[\u3400-\u9fffa-z0-9]"
_NOISE = r"[^\u3400-\u9fffa-z0-9,。!?;:、\n%.@/|¥$]+"
# Noise inside a word: between two Chinese characters, or commas and dots between characters that all stand alone.
_INSIDE = re.compile(
    rf"(?<={_HAN}){_NOISE}(?={_HAN})|(?<={_WORD})[^\w\s,。!?;:、%.@/|¥$~+-]+(?={_WORD})",
)
# Characters that all stand alone; with marks no sentence uses so, even at the edge of a longer text.
_SPELLED = re.compile(
    rf"{_HAN}(?:[./|*_]{{1,2}}{_HAN}){{2,}}|(?<!{_HAN}){_HAN}(?:[,。、./|:;\s*_-]{{1,3}}{_HAN}){{2,}}(?!{_HAN})"
)


@dataclass(frozen=True, slots=True)
class Folded:
    """Folded text; character i stands for original[starts[i]:ends[i]]."""

    text: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]

    def span(self, start: int, end: int) -> tuple[int, int]:
        """Span of the original text that the folded characters start..end-1 (at least one) stand for."""
        return self.starts[start], max(self.ends[start:end])

    def without(self, holes: list[tuple[int, int]]) -> "Folded":
        """The same text with these spans of folded characters left out."""
        keep = [True] * len(self.text)
        for start, end in holes:
            keep[start:end] = [False] * (end - start)
        kept = [i for i, k in enumerate(keep) if k]
        return Folded(
            "".join(self.text[i] for i in kept),
            tuple(self.starts[i] for i in kept),
            tuple(self.ends[i] for i in kept),
        )


@dataclass(frozen=True, slots=True)
class _Disguises:
    characters: dict[str, str]
    sequences: tuple[tuple[re.Pattern[str], str], ...]


@lru_cache(maxsize=1)
def _disguises() -> _Disguises:
    data = tomllib.loads((RULES / "fold.toml").read_text(encoding="utf-8"))
    sequences = tuple((re.compile(pattern), plain) for pattern, plain in data["sequences"].items())
    return _Disguises(data["characters"], sequences)


@lru_cache(maxsize=32768)
def _fold_char(char: str) -> str:
    """What one character folds to: '' for what no reader sees."""
    if char == "\n":
        return char
    if (plain := _disguises().characters.get(char)) is not None:
        return plain
    plain = unicodedata.normalize("NFKC", char)
    # Circled and bracketed ideographs fold to '(一)'; the brackets are decoration.
    if len(plain) == 3 and plain[0] == "(" and plain[-1] == ")":
        plain = plain[1]
    plain = "".join(c for c in plain if unicodedata.category(c) not in _DROPPED).lower()
    return to_hans(plain) if len(plain) == 1 and plain >= "\u3400" else plain


def fold(text: str) -> Folded:
    """Fold widths, script, case, invisible marks and disguises; linear in the text, never raises."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for i, char in enumerate(text):
        plain = _fold_char(char)
        if not plain and ends:
            ends[-1] = i + 1  # a mark goes with the character it stands on
        for c in plain:
            chars.append(c)
            starts.append(i)
            ends.append(i + 1)
    folded = Folded("".join(chars), tuple(starts), tuple(ends))
    for pattern, plain in _disguises().sequences:
        folded = _replace(folded, pattern, plain)
    return folded


def _replace(folded: Folded, pattern: re.Pattern[str], plain: str) -> Folded:
    matches = [m for m in pattern.finditer(folded.text) if m.end() > m.start()]
    if not matches:
        return folded
    text, at = [], 0
    starts: list[int] = []
    ends: list[int] = []
    for match in matches:
        text.append(folded.text[at : match.start()] + plain)
        start, end = folded.span(match.start(), match.end())
        starts += [*folded.starts[at : match.start()], *[start] * len(plain)]
        ends += [*folded.ends[at : match.start()], *[end] * len(plain)]
        at = match.end()
    text.append(folded.text[at:])
    return Folded("".join(text), tuple(starts) + folded.starts[at:], tuple(ends) + folded.ends[at:])


def tighten(folded: Folded) -> Folded | None:
    """The folded text without blanks, emoji and marks inside words (全 网 第 一); None when there are none."""
    holes = [m.span() for m in _INSIDE.finditer(folded.text)]
    for spelled in _SPELLED.finditer(folded.text):
        holes += [(i, i + 1) for i in range(*spelled.span()) if not "\u3400" <= folded.text[i] <= "\u9fff"]
    if not holes:
        return None
    tight = folded.without(holes)
    for pattern, plain in _disguises().sequences:
        tight = _replace(tight, pattern, plain)
    return tight
