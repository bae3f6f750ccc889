"""A shop whose clicks follow a rule we know, to see whether the rule is found. Nobody's data.

    python -m eval.clicks.planted > clicks.csv

Every product has copies of an opening and a close drawn from lists; one close draws more clicks, every further
position fewer, and the last days more. All else is chance.
"""

import csv
import sys
from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import numpy as np

SIGNAL = "今晚下单立减20元"
LIFT = 1.4
"""How many times the clicks of a copy without the signal."""
POSITION_DROP = 0.7
"""Each position draws so many times the clicks of the one before it."""
_OPENINGS = (
    "清晨的厨房里有光 午后的阳台晒着被子 地铁里也想安静一会 下班回家先换双鞋 孩子在地毯上搭积木 雨天的窗边读两页书 "
    "行李箱里留一格给它 书桌上只放喜欢的东西 周末的饭桌坐满了人 夜里起身开一盏小灯 楼下的猫又来晒太阳 山里的风有点凉"
).split()
_CLOSES = (
    "放在手边正合适",
    "用久了也不厌",
    "每天都想用一次",
    "一件顶从前两件",
    "洗过几次还是软",
    "收起来只占一格",
    SIGNAL,
)
HEADER = ("商品", "文案", "资源位", "位置", "日期", "曝光量", "点击量")
FIRST_DAY = date(2026, 9, 1)


def planted_rows(
    products: int, *, copies: int = 4, impressions: int = 4000, lift: float = LIFT, seed: int = 0
) -> Iterator[Sequence[object]]:
    """Rows of an export under HEADER; each copy is shown on several days in several positions."""
    random = np.random.default_rng(seed)
    days = 8
    for product in range(products):
        base = float(random.uniform(0.01, 0.03))
        closes = random.choice(len(_CLOSES), size=copies, replace=False)
        first = FIRST_DAY + timedelta(days=int(random.integers(0, 60)))
        for close in closes:
            text = f"{_OPENINGS[random.integers(len(_OPENINGS))]}，{_CLOSES[close]}"
            rate = base * (lift if _CLOSES[close] == SIGNAL else 1.0) * float(np.exp(random.normal(0, 0.05)))
            for day in range(days):
                position = int(random.integers(1, 5))
                shown = impressions // days
                clicks = int(random.binomial(shown, min(0.5, rate * POSITION_DROP ** (position - 1))))
                when = (first + timedelta(days=day)).isoformat()
                yield f"商品{product}", text, "首页推荐", position, when, shown, clicks


if __name__ == "__main__":
    csv.writer(sys.stdout).writerows([HEADER, *planted_rows(60)])
