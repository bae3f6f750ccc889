"""What is live where, and until when it may stay: a copy that names a day, an offer or a price has a clock.

Words are looked for in the copy itself; the merchant's own end date wins where it is earlier. 广告法 article 28 and
明码标价和禁止价格欺诈规定 (市场监管总局令第 56 号) ask that offers and prices shown are those in force.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from copygen.errors import CopygenError

from serving.loop.event import SHOP_ZONE
from serving.loop.experiment import Shown

OFFER_DAYS = 30
"""How long an offer or price without an end is left before somebody should look at it again."""
_TODAY = re.compile(r"今[日天晚]|当[日天]限|最后一天|倒计时\d*小?时?")
_WEEK = re.compile(r"本周|这周|周末")
_MONTH = re.compile(r"本月|这个月|月底")
_UNTIL = re.compile(
    r"(\d{1,2})月(\d{1,2})[日号](?=[^\n]{0,6}(?:前|止|截止|结束|为止))|[至到]\s*(\d{1,2})月(\d{1,2})[日号]"
)
_CAMPAIGNS = {
    re.compile(r"(?<![\dA-Za-z])618(?![\dA-Za-z])|年中大促"): (6, 20),
    re.compile(r"双\s?11|双十一"): (11, 14),
    re.compile(r"双\s?12|双十二"): (12, 14),
    re.compile(r"女王节|女神节|三八节|38节"): (3, 8),
}
"""Month and day on which a campaign is over at the latest."""
_OFFER = re.compile(
    r"限时|限量|秒杀|预售|尾款|定金|首发|返场|到手价|券后|领券|满减|满\d+减|立减|直降|折扣|\d折|买一送|赠品|送.{0,4}礼|"
    r"优惠|特惠|特价|活动价|[¥￥]\s?\d|\d\s?元"
)


class UnknownPublished(CopygenError):
    """Nothing of this id is registered; GET /v1/published lists what is."""

    code = "unknown_published"


@dataclass(frozen=True, slots=True)
class ClockWord:
    """A word of the copy that will not stay true."""

    text: str
    ends_at: datetime
    reason: str
    """For merchants, in Chinese."""


@dataclass(frozen=True, slots=True)
class Published:
    """A copy in a slot, from when to when."""

    id: str
    shown: Shown
    slot: str
    brief: str
    """The record it has to be true of, JSON; a change of the product changes it."""
    from_at: datetime
    until_at: datetime | None
    outdated: Mapping[str, str] = field(default_factory=dict)
    """Values its products had when it went live and no longer have -> what became of them, in Chinese."""

    @property
    def record(self) -> dict[str, Any]:
        record: dict[str, Any] = json.loads(self.brief)
        return record

    def live(self, now: datetime) -> bool:
        return self.from_at <= now and (self.until_at is None or now < self.until_at)

    @property
    def clock(self) -> tuple[ClockWord, ...]:
        """Words that end, the earliest first."""
        return tuple(sorted(_clock(self.shown.copy.plain_text(), self.from_at), key=lambda word: word.ends_at))

    @property
    def take_down_at(self) -> datetime | None:
        """When it should be gone: its own end or the first that one of its words has; None: it may stay."""
        ends = [word.ends_at for word in self.clock]
        return min(ends + ([self.until_at] if self.until_at is not None else []), default=None)


def _clock(text: str, from_at: datetime) -> Iterator[ClockWord]:
    start = from_at.astimezone(SHOP_ZONE)
    midnight = start.replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    month = (start.replace(day=1) + timedelta(days=32)).replace(day=1, hour=0, minute=0, second=0, microsecond=0)
    for pattern, ends_at, reason in (
        (_TODAY, midnight, "只在发布当天成立"),
        (_WEEK, midnight + timedelta(days=6), "只在一周内成立"),
        (_MONTH, month, "只在当月成立"),
        (_OFFER, midnight + timedelta(days=OFFER_DAYS - 1), f"价格与优惠会变，{OFFER_DAYS} 天内须复核"),
    ):
        if match := pattern.search(text):
            yield ClockWord(match[0], ends_at, reason)
    for match in _UNTIL.finditer(text):
        month_, day = (int(part) for part in match.groups() if part)
        if ends_at_ := _next(start, month_, day):
            yield ClockWord(match[0], ends_at_, "文案自己写了截止日")
    for pattern, (month_, day) in _CAMPAIGNS.items():
        if (match := pattern.search(text)) and (ends_at_ := _next(start, month_, day)):
            yield ClockWord(match[0], ends_at_, "大促过后不再成立")


def _next(start: datetime, month: int, day: int) -> datetime | None:
    """The end of the first such day that has not passed; None where no calendar has it."""
    for year in (start.year, start.year + 1):
        try:
            ends_at = datetime(year, month, day, tzinfo=SHOP_ZONE) + timedelta(days=1)
        except ValueError:
            continue
        if ends_at > start:
            return ends_at
    return None
