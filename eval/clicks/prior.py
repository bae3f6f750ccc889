"""What copygen says of two copies before it has seen a click: weights of judgement, with reasons and doubts.

Never measured on clicks and never a CTR. Each weight is what one feature, from 0 to 1, is believed to add to the logit
of 'draws more clicks', and how unsure that is; the interval holds nothing but these doubts. A shop's own calibrated
model takes its place.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

from scipy.stats import norm

from eval.clicks.model import LEVEL, Verdict
from eval.features import FEATURES, Score

NAME = "prior click proxy (judgement, not learnt from clicks; not a CTR)"
VALIDITY = f"{NAME}; validity: not measured on clicks; calibrate on your own export for a measured one"


@dataclass(frozen=True, slots=True)
class Weight:
    """A belief about one feature."""

    mean: float
    """Added to the logit as the feature goes from 0 to 1."""
    sd: float
    """How unsure: the belief's standard deviation."""
    reason: str


WEIGHTS = {
    "hook_question": Weight(0.10, 0.12, "问句引人往下看；用滥了也会显得套路"),
    "hook_number": Weight(0.15, 0.12, "数字具体、显眼，列表里先被看到"),
    "hook_contrast": Weight(0.12, 0.12, "转折留下悬念"),
    "hook_scene": Weight(0.15, 0.12, "场景让人想到自己要用的时候"),
    "hook_address": Weight(0.08, 0.12, "对人说话更近；不是每个类目都合适"),
    "novelty": Weight(0.20, 0.15, "见过的开头一眼就划过去"),
    "concreteness": Weight(0.30, 0.18, "具体的东西可信，也好想象"),
    "clause_rhythm": Weight(0.20, 0.18, "手机上一行十几个字，短句好读"),
    "common_words": Weight(0.10, 0.15, "生僻词要多想一下"),
    "emotion": Weight(0.10, 0.15, "写到感受容易有共鸣；多了就腻"),
    "freshness": Weight(0.30, 0.18, "套话没有信息，读者会跳过"),
    "attribute_coverage": Weight(0.30, 0.20, "说清是什么，才知道要不要点"),
    "keyword_coverage": Weight(0.25, 0.20, "搜索来的人在找这些词"),
    "benefit_framing": Weight(0.35, 0.20, "人买的是好处，不是参数"),
    "audience_fit": Weight(0.20, 0.18, "说到自己的人会停下来"),
    "phase_fit": Weight(0.15, 0.18, "大促时要行动，平时催人反而烦"),
    "length_fit": Weight(0.20, 0.20, "超长会被截断，太短没有内容"),
    "compliance": Weight(0.00, 0.10, "违规文案不该上线；它不因此更少人点"),
    "offer_clarity": Weight(0.35, 0.20, "价格与优惠写清，少一次犹豫"),
    "consistency": Weight(0.10, 0.15, "正文接不住标题，来了也走"),
    "fluency": Weight(0.20, 0.18, "不通顺的句子让人不信"),
}
assert WEIGHTS.keys() == FEATURES.keys()


@dataclass(frozen=True, slots=True)
class Part:
    """What one feature adds to the comparison, in logits; positive is for A."""

    name: str
    adds: float
    reason: str


def compare(a: Mapping[str, Score], b: Mapping[str, Score], level: float = LEVEL) -> tuple[Verdict, list[Part]]:
    """P(A beats B) under the prior, and its parts, the heaviest first; what is unscored for either is left out."""
    mean = variance = 0.0
    parts = []
    for name, weight in WEIGHTS.items():
        left, right = a[name].value, b[name].value
        if left is None or right is None or left == right:
            continue
        gap = left - right
        mean += weight.mean * gap
        variance += (weight.sd * gap) ** 2
        parts.append(Part(name, weight.mean * gap, weight.reason))
    half = float(norm.ppf((1 + level) / 2)) * math.sqrt(variance)
    verdict = Verdict(_chance(mean), _chance(mean - half), _chance(mean + half), mean)
    return verdict, sorted(parts, key=lambda part: -abs(part.adds))


def _chance(logit: float) -> float:
    return 1 / (1 + math.exp(-logit))
