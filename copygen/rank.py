"""Order candidates that all passed the checks: a documented proxy for what shoppers click, never shown as a CTR.

Each feature is in 0..1 with a weight and a reason a merchant can read. eval/ measures whether the order is any good.
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.text import to_hans

HOOK_CHARS = 12
_QUESTION = re.compile(r"[？?]|吗|呢|怎么|为什么|谁")
_CONTRAST = re.compile(r"不是|别|却|反而|再也|终于|居然|原来|没有|不用|不必|告别")
_ADDRESS = re.compile(r"你|您|姐妹|朋友|家人|宝子|谁懂")
_SCENE = re.compile(
    r"早上|清晨|晚上|夜里|深夜|周末|下班|上班|出门|回家|通勤|地铁|厨房|阳台|孩子|冬天|夏天|秋|春|雨|窗|灯|风|桌|床"
)
# Phrases worn out by use; the corpus avoids them (docs/corpus.md).
_CLICHE = re.compile(
    r"让你|不仅|精致女孩|绝绝子|yyds|YYDS|闭眼入|值得拥有|给你带来|打造|彰显|尽显|满满的|妥妥的|赶紧|快来|不容错过|轻松拥有"
    r"|享受.{0,4}生活|品质生活|首选|神器|必备|心动不如行动"
)


@dataclass(frozen=True, slots=True)
class RankScore:
    """Why a candidate stands where it stands."""

    value: float
    """Weighted mean of the features, 0..1."""
    features: dict[str, float]
    reasons: tuple[str, ...]
    """For merchants, in Chinese."""


def told_attributes(copy: AdCopy, brief: Brief) -> list[str]:
    """Names of the attributes, and 'price', whose value or a telling part of it stands in the copy."""
    text = to_hans(copy.plain_text()).lower()
    told = []
    for product in brief.products:
        for name, value in product.attributes.items():
            if name not in told and _is_told(to_hans(value).lower(), text):
                told.append(name)
        digits = re.search(r"\d[\d,.]*", product.price)
        if digits and digits[0] in text and "price" not in told:
            told.append("price")
    return told


def _is_told(value: str, text: str) -> bool:
    parts = [part for part in re.split(r"[、，,；;/|()（）\s+]+", value) if part]
    return any(len(part) >= 2 and part in text for part in parts) or any(
        run in text for run in re.findall(r"\d+(?:\.\d+)?[a-z%℃°一-鿿]{1,2}", value)
    )


_WEIGHTS = {"coverage": 0.3, "hook": 0.25, "freshness": 0.2, "concreteness": 0.15, "fit": 0.1, "fluency": 0.6}
_USUAL_LOGPROB, _LOGPROB_STEP = -1.6, 0.4
"""Mean log-probability of a middling candidate of the bundled model, and what makes a good one of it."""


def rank_score(
    copy: AdCopy, brief: Brief, others: Sequence[AdCopy] = (), *, mean_logprob: float | None = None
) -> RankScore:
    """Score one candidate.

    Args:
        others: Its siblings, so that look-alike openings fall behind.
        mean_logprob: Of its tokens, natural logarithm: what a model finds unlikely itself seldom reads well. None:
            not known, and the score does without.
    """
    whole = to_hans(copy.plain_text())
    head = whole[:HOOK_CHARS]
    told = told_attributes(copy, brief)
    wanted = min(3, sum(len(product.attributes) for product in brief.products)) or 1
    hooks = {
        "提问开头": bool(_QUESTION.search(head)),
        "转折开头": bool(_CONTRAST.search(head)),
        "数字开头": bool(re.search(r"\d", head)),
        "对人说话": bool(_ADDRESS.search(head)),
        "有场景": bool(_SCENE.search(head)),
    }
    cliches = _CLICHE.findall(whole)
    same_opening = sum(to_hans(other.plain_text())[:6] == whole[:6] for other in others)
    concrete = len(re.findall(r"\d|[a-zA-Z]{2,}", whole)) + len(_SCENE.findall(whole))
    features = {
        "coverage": min(1.0, len(told) / wanted),
        "hook": min(1.0, sum(hooks.values()) / 2),
        "freshness": max(0.0, 1.0 - 0.5 * len(cliches) - 0.5 * same_opening),
        "concreteness": min(1.0, concrete / max(4.0, len(whole) / 20)),
        "fit": float(not brief.audience or bool(_shared(brief.audience, whole))),
    }
    if mean_logprob is not None:
        features["fluency"] = (1 + math.tanh((mean_logprob - _USUAL_LOGPROB) / (2 * _LOGPROB_STEP))) / 2
    named = ["价格" if name == "price" else name for name in told[:4]]
    reasons = [f"写到{'、'.join(named)}"] if told else []
    reasons += [name for name, present in hooks.items() if present]
    reasons += [f"有套话：{'、'.join(dict.fromkeys(cliches))}"] if cliches else []
    weights = sum(_WEIGHTS[name] for name in features)
    value = sum(_WEIGHTS[name] * feature for name, feature in features.items()) / weights
    return RankScore(round(value, 4), features, tuple(reasons))


def _shared(audience: str, text: str) -> set[str]:
    audience = to_hans(audience)
    return {audience[i : i + 2] for i in range(len(audience) - 1) if audience[i : i + 2] in text}
