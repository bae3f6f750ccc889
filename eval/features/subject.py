"""What is scored and what a score is. Knows no feature.

A copy is folded, split and cut into words once, for all features.
"""

import re
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path

import jieba

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.finding import Finding
from copygen.text import char_count, clause_spans, to_hans

HEAD_CHARS = 12
"""A shopper sees about so many characters before the thumb moves on."""
_WORDS = Path(__file__).with_name("words.toml")
_TRIM = " \t\n，,。！？!?；;：:、…—｜|“”\"'（）()~～"
_HAN = re.compile(r"[\u3400-\u9fff]")
jieba.setLogLevel("ERROR")


@lru_cache(maxsize=64)
def word_pattern(section: str, key: str) -> re.Pattern[str]:
    """The expression of one entry of words.toml."""
    return re.compile("|".join(_words()[section][key]))


@lru_cache(maxsize=1)
def _words() -> dict[str, dict[str, list[str]]]:
    return tomllib.loads(_WORDS.read_text(encoding="utf-8"))


@dataclass(frozen=True)
class Subject:
    """One copy with what is known about it."""

    copy: AdCopy
    brief: Brief | None = None
    """None: what asks for the product, the audience or the channel stays unscored."""
    law: Sequence[Finding] | None = None
    """Findings of the law where the copy was checked already; None: checked when asked for."""
    mean_logprob: float | None = None
    """Of the copy's tokens under the model that wrote it, natural logarithm."""

    @cached_property
    def text(self) -> str:
        """All of it in Simplified characters, one piece a line."""
        return to_hans(self.copy.plain_text())

    @cached_property
    def head(self) -> str:
        return self.text[:HEAD_CHARS]

    @cached_property
    def chars(self) -> int:
        return char_count(self.text)

    @cached_property
    def is_chinese(self) -> bool:
        """Whether a quarter of it at least is Chinese characters: the word lists know no other language."""
        return len(_HAN.findall(self.text)) * 4 >= self.chars > 0

    @cached_property
    def clauses(self) -> tuple[str, ...]:
        """The clauses without the marks around them."""
        text = self.text
        return tuple(clause for start, end in clause_spans(text) if (clause := text[start:end].strip(_TRIM)))

    @cached_property
    def words(self) -> tuple[str, ...]:
        """jieba's words that hold a Chinese character."""
        return tuple(word for word in jieba.cut(self.text, HMM=False) if _HAN.match(word))


@dataclass(frozen=True, slots=True)
class Score:
    """What one feature says of one copy."""

    value: float | None
    """0..1, more is more of it; None: unscored."""
    reason: str
    """For a merchant, in Chinese: what was found, or why there is no score."""


@dataclass(frozen=True, slots=True)
class Feature:
    """One documented scorer."""

    name: str
    title: str
    """What a merchant sees it as."""
    score: Callable[[Subject], Score]
    passes_at: float
    """A value no lower passes."""

    def verdict(self, score: Score) -> str:
        """pass, fail or unscored."""
        if score.value is None:
            return "unscored"
        return "pass" if score.value >= self.passes_at else "fail"


def unscored(why: str) -> Score:
    return Score(None, f"未评分：{why}")


NOT_CHINESE = unscored("不是中文文案")
NO_BRIEF = unscored("没有商品资料")


def listed(items: Sequence[str], most: int = 3) -> str:
    """The first few of them, each once, as they stand in a reason."""
    return "、".join(list(dict.fromkeys(items))[:most])
