"""What shoppers did: one event, and how many there were of a copy in a slot on a day. Knows no database."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cached_property
from typing import Literal, get_args

Kind = Literal["impression", "click", "add_to_cart", "order"]
KINDS: tuple[Kind, ...] = get_args(Kind)
SHOP_ZONE = timezone(timedelta(hours=8))
"""Days are those of the shop: China keeps one time and no summer time."""


def digest(text: str) -> bytes:
    """What is kept of an id or a visitor: enough to know it again, not to say who it was."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


def shop_day(at: datetime) -> date:
    return at.astimezone(SHOP_ZONE).date()


@dataclass(frozen=True)
class Event:
    """One thing a shopper did."""

    id: str
    """Of the sender; two of the same are one."""
    kind: Kind
    copy_id: str
    slot: str
    """Where it was shown, in the shop's own words: home-feed, search, detail."""
    at: datetime
    visitor: str = ""
    """The shop's own key of the shopper; kept as a digest."""

    @cached_property
    def key(self) -> bytes:
        return digest(self.id)

    @cached_property
    def day(self) -> str:
        return shop_day(self.at).isoformat()


@dataclass(frozen=True, slots=True)
class DayCount:
    """Events of one copy in one slot on one day."""

    copy_id: str
    slot: str
    day: str
    """2026-11-26, in the shop's time."""
    impression: int = 0
    click: int = 0
    add_to_cart: int = 0
    order: int = 0

    def of(self, kind: Kind) -> int:
        count: int = getattr(self, kind)
        return count


@dataclass(frozen=True, slots=True)
class Tally:
    """What a copy's impressions came to, without bots."""

    copy_id: str
    trials: int
    """Impressions."""
    successes: int
    """Of these, how many led to what is counted."""
    visitors: int = 0
    """Different ones among the impressions; 0 where events come without visitors."""


def tally(counts: Iterable[DayCount], copy_id: str, goal: Kind = "click") -> Tally:
    """Sum of day counts of one copy."""
    own = [count for count in counts if count.copy_id == copy_id]
    trials = sum(count.impression for count in own)
    return Tally(copy_id, trials, min(trials, sum(count.of(goal) for count in own)))


def utc(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
