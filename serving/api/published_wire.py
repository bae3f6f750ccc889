"""What is said of live copies over the wire."""

from datetime import datetime

from pydantic import ConfigDict, Field

from copygen.brief import Brief

from serving.api.wire import FindingOut, Wire
from serving.loop.change_watch import Sentence, Stale
from serving.loop.drift import Ctr
from serving.loop.published import Published


class ClockWordOut(Wire):
    """A word of the copy that will not stay true."""

    model_config = ConfigDict(from_attributes=True)

    text: str
    ends_at: datetime
    reason: str
    """For merchants, in Chinese."""


class CtrOut(Wire):
    """Clicks so far, and what the last seven days should have brought."""

    model_config = ConfigDict(from_attributes=True)

    impressions: int
    clicks: int
    recent_impressions: int
    """Of the last seven days, today included."""
    recent_clicks: int
    expected_low: float | None
    """Click rates between which the last seven days were to be expected; null when too little is known."""
    expected_high: float | None
    drifted: bool
    """The last seven days are below them: look at the copy, the price, the season, the slot."""


class PublishedOut(Wire):
    """A copy that is or was live, without its text."""

    id: str
    copy_id: str
    product: str
    channel: str
    slot: str
    from_: datetime = Field(alias="from")
    until: datetime | None
    take_down_at: datetime | None
    """By when it has to be gone: `until`, or the first end of a word in it; null: it may stay."""
    clock: list[ClockWordOut]
    """Words that end, the earliest first."""
    ctr: CtrOut

    @classmethod
    def of(cls, published: Published, brief: Brief, ctr: Ctr) -> "PublishedOut":
        # `from` is no name of Python's, so the fields go by their aliases.
        return cls.model_validate(
            {
                "id": published.id,
                "copy_id": published.shown.copy_id,
                "product": " + ".join(product.name for product in brief.products),
                "channel": brief.channel,
                "slot": published.slot,
                "from": published.from_at,
                "until": published.until_at,
                "take_down_at": published.take_down_at,
                "clock": [ClockWordOut.model_validate(word) for word in published.clock],
                "ctr": CtrOut.model_validate(ctr),
            }
        )


class SentenceOut(Wire):
    """A sentence that may not stay as it is."""

    where: str
    """Field of the copy: title, body, points[0], tags[0]."""
    start: int
    end: int
    text: str
    findings: list[FindingOut]

    @classmethod
    def of(cls, sentence: Sentence) -> "SentenceOut":
        return cls(
            where=sentence.where,
            start=sentence.start,
            end=sentence.end,
            text=sentence.text,
            findings=[FindingOut.model_validate(finding) for finding in sentence.findings],
        )


class StaleOut(Wire):
    """A live copy that is no longer true or no longer legal."""

    id: str
    copy_id: str
    slot: str
    sentences: list[SentenceOut]

    @classmethod
    def of(cls, stale: Stale) -> "StaleOut":
        published = stale.published
        return cls(
            id=published.id,
            copy_id=published.shown.copy_id,
            slot=published.slot,
            sentences=[SentenceOut.of(sentence) for sentence in stale.sentences],
        )
