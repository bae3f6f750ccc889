"""Features of the wording: concreteness, rhythm, common words, emotion, worn-out phrases. Knows no product."""

import math
import statistics

import jieba

from eval.features.subject import NOT_CHINESE, Feature, Score, Subject, listed, unscored, word_pattern

_CHARS_PER_CONCRETE = 15
"""A copy with something concrete every so many characters is as concrete as the feature goes."""
_CLAUSE_CHARS = (5, 13)
"""Clauses of these mean lengths read well on a phone: a line holds about sixteen characters."""
_COMMON = math.log10(200)
"""jieba's dictionary counts the words of everyday prose: a word seen so often is known to everyone."""
_CLICHE_CHARS = 60
"""One worn-out phrase in so many characters is as bad as it gets."""


def concreteness(subject: Subject) -> Score:
    """Numbers, names, measure words, scenes and things one feels or hears, for the length of the copy."""
    if not subject.is_chinese:
        return NOT_CHINESE
    found = [match[0] for match in word_pattern("wording", "concrete").finditer(subject.text)]
    found += [match[0] for match in word_pattern("hook", "scene").finditer(subject.text)]
    found += dict.fromkeys(match[0] for match in word_pattern("wording", "sense").finditer(subject.text))
    value = min(1.0, len(found) * _CHARS_PER_CONCRETE / subject.chars)
    return Score(value, f"具体的东西：{listed(found, 5)}" if found else "没有数字、场景或感官上的具体东西")


def clause_rhythm(subject: Subject) -> Score:
    """Clauses of a readable mean length that are not all of one length."""
    lengths = [len(clause) for clause in subject.clauses]
    if not subject.is_chinese:
        return NOT_CHINESE
    if len(lengths) < 2:
        return unscored("只有一个分句")
    mean, low, high = statistics.fmean(lengths), *_CLAUSE_CHARS
    off = max(0.0, low - mean, mean - high)
    length = math.exp(-off / 4)
    varied = min(1.0, statistics.pstdev(lengths) / 2)
    value = length * (0.7 + 0.3 * varied)
    shape = "长短相间" if varied >= 1 else "长短整齐"
    advice = "" if off == 0 else "，偏长，断开更好读" if mean > high else "，偏碎"
    return Score(value, f"平均每个分句{mean:.0f}字，{shape}{advice}")


def common_words(subject: Subject) -> Score:
    """Share of the words everybody knows, by jieba's word counts."""
    if not subject.is_chinese:
        return NOT_CHINESE
    words = [word for word in subject.words if len(word) > 1]
    if not words:
        return unscored("没有两个字以上的词")
    counts = [jieba.dt.FREQ.get(word) or 0 for word in words]
    rare = [word for word, count in zip(words, counts, strict=True) if math.log10(count + 1) < _COMMON / 2]
    value = statistics.fmean(min(1.0, math.log10(count + 1) / _COMMON) for count in counts)
    return Score(value, f"少见的词：{listed(rare)}" if rare else "用词常见好懂")


def emotion(subject: Subject) -> Score:
    """A feeling named once or twice; more is no better."""
    if not subject.is_chinese:
        return NOT_CHINESE
    found = [match[0] for match in word_pattern("wording", "emotion").finditer(subject.text)]
    value = min(1.0, len(set(found)) / 2)
    return Score(value, f"写到感受：{listed(found)}" if found else "没有写到感受")


def freshness(subject: Subject) -> Score:
    """1 without a worn-out phrase, less for each by the length of the copy."""
    if not subject.is_chinese:
        return NOT_CHINESE
    found = [match[0] for match in word_pattern("wording", "cliche").finditer(subject.text)]
    value = max(0.0, 1 - len(found) * _CLICHE_CHARS / max(subject.chars, _CLICHE_CHARS) / 2)
    return Score(value, f"有套话：{listed(found)}" if found else "没有套话")


FEATURES = (
    Feature("concreteness", "具体", concreteness, 0.5),
    Feature("clause_rhythm", "好读：句子节奏", clause_rhythm, 0.6),
    Feature("common_words", "好读：常用词", common_words, 0.6),
    Feature("emotion", "感受", emotion, 0.5),
    Feature("freshness", "没有套话", freshness, 1.0),
)
