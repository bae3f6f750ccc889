"""Features of the opening: what in the first twelve characters may stop a thumb, and whether it is worn."""

from collections import defaultdict
from collections.abc import Callable
from functools import lru_cache

from copygen.channel import load_channels
from copygen.exemplars import load_exemplars
from copygen.text import to_hans

from eval.features.subject import HEAD_CHARS, NOT_CHINESE, Feature, Score, Subject, unscored, word_pattern

_FAMILIAR = 0.2
"""Openings of different pieces share about so much by chance; only what is beyond counts against one."""


def _hook(kind: str, title: str) -> Callable[[Subject], Score]:
    def score(subject: Subject) -> Score:
        if not subject.head:
            return unscored("文案是空的")
        if kind not in ("question", "number") and not subject.is_chinese:
            return NOT_CHINESE
        found = word_pattern("hook", kind).search(subject.head)
        if found:
            return Score(1.0, f"开头{HEAD_CHARS}字里有{title}：“{found[0]}”")
        return Score(0.0, f"开头{HEAD_CHARS}字里没有{title}")

    return score


@lru_cache(maxsize=1)
def _corpus() -> tuple[dict[str, list[int]], list[tuple[str, int]]]:
    """(pair of characters -> openings that have it, [(opening, its number of pairs)]) of the style corpus."""
    texts = {
        to_hans(exemplar.copy_.plain_text())[:HEAD_CHARS]
        for channel in load_channels()
        for exemplar in load_exemplars(channel)
    }
    openings = [(text, len(_pairs(text))) for text in sorted(texts)]
    index: dict[str, list[int]] = defaultdict(list)
    for number, (text, _) in enumerate(openings):
        for pair in _pairs(text):
            index[pair].append(number)
    return dict(index), openings


def _pairs(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def novelty(subject: Subject) -> Score:
    """1 less the share of character pairs the opening has in common with the likest opening of the corpus."""
    if not subject.is_chinese:
        return NOT_CHINESE
    index, openings = _corpus()
    own = _pairs(subject.head)
    shared: dict[int, int] = defaultdict(int)
    for pair in own:
        for number in index.get(pair, ()):
            shared[number] += 1

    def likeness(number: int) -> float:
        return shared[number] / (len(own) + openings[number][1] - shared[number])

    likest = max(shared, key=likeness, default=None)
    if likest is None or likeness(likest) <= _FAMILIAR:
        return Score(1.0, "开头与语料里的都不像")
    share = (likeness(likest) - _FAMILIAR) / (1 - _FAMILIAR)
    return Score(1 - share, f"开头像语料里的“{openings[likest][0]}”")


FEATURES = (
    *(
        Feature(f"hook_{kind}", f"钩子：{title}", _hook(kind, title), 0.5)
        for kind, title in {
            "question": "提问",
            "number": "数字",
            "contrast": "转折",
            "scene": "场景",
            "address": "对人说话",
        }.items()
    ),
    Feature("novelty", "开头新鲜度", novelty, 0.6),
)
