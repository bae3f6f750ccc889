"""Pure functions over Chinese text: folding widths, counting, splitting. No domain knowledge, no I/O."""

import html
import re
import unicodedata
from functools import lru_cache

from opencc import OpenCC

# Full-width ASCII and compatibility letters fold to their plain form. Chinese punctuation (，：；！？（）) stays: in
# Chinese text it is right as it is, and NFKC would turn it into ASCII.
_KEEP = frozenset("，：；！？（）～…—「」『』《》【】、。·℃½¼¾①②③④⑤⑥⑦⑧⑨⑩％²³㎡")
_TAG = re.compile(r"<(?:br|/p|/li|/div|/tr)\s*/?>|<!--.*?-->|<[a-zA-Z/|][^<>]*>", re.IGNORECASE | re.DOTALL)
_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn"})
_ROUNDS = 5
"""Layers of entities, wide brackets and markup that may hide one another; exports of exports have three."""
_EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]\ufe0f?")
_SENTENCE_END = re.compile(r"[。！？!?；;\n]+[”’」』）)]*|…+")
_CLAUSE_END = re.compile(r"[，,。！？!?；;：:\n、]+[”’」』）)]*|…+|——")


def normalize(text: str) -> str:
    """Fold widths, decode entities, drop markup, controls and doubled blanks; idempotent on its own output."""
    for _ in range(_ROUNDS):
        clean = _normalize_once(text)
        if clean == text:
            break
        text = clean
    return text


def _normalize_once(text: str) -> str:
    text = html.unescape(text)
    folded = "".join(c if c in _KEEP else unicodedata.normalize("NFKC", c) for c in text)
    seen = "".join(c for c in folded if c.isspace() or unicodedata.category(c) not in _UNSEEN)
    # Markup goes last: whatever it hid behind, neither a tag nor a control token (<|im_end|>) is ever returned.
    plain = _TAG.sub(" ", unicodedata.normalize("NFC", seen))
    lines = (" ".join(line.split()) for line in plain.split("\n"))
    return "\n".join(line for line in lines if line)


def char_count(text: str) -> int:
    """Number of characters without white space, as platforms count a copy."""
    return sum(not c.isspace() for c in text)


def display_width(text: str) -> int:
    """Width in half-width columns: full-width characters count 2, as search ads count them."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


def emoji_count(text: str) -> int:
    return len(_EMOJI.findall(text))


def _pieces(text: str, end: re.Pattern[str]) -> list[tuple[int, int]]:
    spans, start = [], 0
    for match in end.finditer(text):
        if text[start : match.start()].strip():
            spans.append((start, match.end()))
            start = match.end()
    if text[start:].strip():
        spans.append((start, len(text)))
    return spans


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the sentences, end mark included."""
    return _pieces(text, _SENTENCE_END)


def clause_spans(text: str) -> list[tuple[int, int]]:
    """Spans (start, end) of the clauses, end mark included; decimals such as 12,000 are not split."""
    spans: list[tuple[int, int]] = []
    for start, end in _pieces(text, _CLAUSE_END):
        joined = (
            spans and re.search(r"\d[,:]$", text[spans[-1][0] : spans[-1][1]]) and text[start : start + 1].isdigit()
        )
        if joined:
            spans[-1] = (spans[-1][0], end)
        else:
            spans.append((start, end))
    return spans


@lru_cache(maxsize=1)
def _to_hans() -> OpenCC:
    return OpenCC("t2s")


@lru_cache(maxsize=1)
def _to_hant() -> OpenCC:
    return OpenCC("s2twp")


@lru_cache(maxsize=4096)
def to_hans(text: str) -> str:
    """Traditional to Simplified, character by character in meaning (same length in nearly all cases)."""
    return str(_to_hans().convert(text))


@lru_cache(maxsize=4096)
def to_hant(text: str) -> str:
    """Simplified to Traditional with the words used in Taiwan (鼠标 -> 滑鼠)."""
    return str(_to_hant().convert(text))


@lru_cache(maxsize=16384)
def _only_in(char: str) -> str:
    """'hant' or 'hans' when a character belongs to one script alone, else ''.

    A character is of one script alone when the other script's everyday character set (GB 2312, Big5) lacks it and
    conversion changes it; 后 or 里 are words in both.
    """
    if not "\u3400" <= char <= "\u9fff":
        return ""
    if _to_hans().convert(char) != char and not _encodable(char, "gb2312"):
        return "hant"
    if _to_hant().convert(char) != char and not _encodable(char, "big5"):
        return "hans"
    return ""


def _encodable(char: str, encoding: str) -> bool:
    try:
        char.encode(encoding)
    except UnicodeEncodeError:
        return False
    return True


def foreign_script(text: str, lang: str) -> list[int]:
    """Offsets of characters that belong to the other Chinese script alone."""
    other = "hant" if lang == "zh-Hans" else "hans"
    return [i for i, char in enumerate(text) if _only_in(char) == other]
