"""/v1/published: which copy is live where; after a change, which of them may not stay."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Response
from pydantic import AwareDatetime, Field, JsonValue, model_validator

from copygen.channel import get_channel

from serving.api.copy_request import CopyRequest
from serving.api.error_body import ErrorEnvelope
from serving.api.published_wire import PublishedOut, StaleOut
from serving.api.shop_events import AWAY, Id, LoopDep
from serving.api.shown_copy import ShownIn, ShownLabelsDep, ShownOut
from serving.api.wire import AI_HEADER, Wire
from serving.api.writer import WriterDep
from serving.loop.change_watch import Stale, recheck, with_changes
from serving.loop.drift import ctr_of
from serving.loop.event import shop_day
from serving.loop.experiment import brief_of
from serving.loop.loop import Loop
from serving.loop.published import Published

_UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": ErrorEnvelope, "description": "Nothing of this id is registered."}
}
router = APIRouter(tags=["published"], responses=AWAY)

PublishedId = Annotated[str, Path(max_length=64)]


class PublishIn(Wire):
    """A copy that goes live."""

    copy_: ShownIn = Field(alias="copy")
    brief: CopyRequest
    """What it was written from, and has to stay true of."""
    slot: Id
    """Where: the word your events use."""
    from_: AwareDatetime | None = Field(None, alias="from")
    """Now when not given."""
    until: AwareDatetime | None = None
    """When it is taken down; open when not given."""

    @model_validator(mode="after")
    def _ends_after_its_beginning(self) -> "PublishIn":
        if self.until is not None and self.until <= (self.from_ or datetime.now(UTC)):
            raise ValueError("until is not after from")
        return self


class PublishedList(Wire):
    """The newest first."""

    published: list[PublishedOut]


class PublishedCopyOut(PublishedOut):
    """With the copy itself."""

    copy_: ShownOut = Field(alias="copy")


class ChangedProduct(Wire):
    """What is new of a product, which is known by its id, SKU or name. What is not given stays as it was."""

    id: str | None = None
    sku: str | None = None
    name: str | None = None
    brand: str | None = None
    category: str | None = None
    price: str | int | float | None = None
    attributes: dict[str, JsonValue] | None = None
    """Attributes that changed; null: it is gone."""

    @model_validator(mode="after")
    def _is_known_by_something(self) -> "ChangedProduct":
        if not (self.id or self.sku or self.name):
            raise ValueError("say which product: id, sku or name")
        return self


class RecheckIn(Wire):
    """What changed."""

    products: list[ChangedProduct] = Field([], max_length=1_000)
    """Empty: check everything that is live, against the rules as they are now."""
    keep: bool = True
    """Remember the change, so that later checks know it; false only asks what it would do."""


class RecheckOut(Wire):
    """Which copies may not stay."""

    checked: int
    stale: list[StaleOut]


@router.post(
    "/v1/published",
    status_code=201,
    summary="Say that a copy is live",
    responses={422: {"model": ErrorEnvelope, "description": "The request cannot be used."}},
)
def publish(body: PublishIn, loop: LoopDep) -> PublishedOut:
    """The same copy in the same slot from the same moment is registered once."""
    get_channel(body.brief.channel)
    published = loop.published.publish(
        body.copy_.shown, body.brief.record(), body.slot, body.from_ or datetime.now(UTC), body.until
    )
    return _with_figures(loop, [published])[0]


@router.get("/v1/published", summary="What is live where")
def list_published(
    loop: LoopDep,
    live: Annotated[bool, Query(description="Only what is live now.")] = True,
    due: Annotated[bool, Query(description="Only what should be gone by now.")] = False,
) -> PublishedList:
    """Each with the time by which it has to be taken down and, where it has clicks, whether they fell off."""
    now = datetime.now(UTC)
    found = loop.published.list(live_at=now if live else None)
    if due:
        found = [one for one in found if (end := one.take_down_at) is not None and end <= now]
    return PublishedList(published=_with_figures(loop, found))


@router.get("/v1/published/{id}", summary="One live copy", responses=_UNKNOWN)
def show_published(
    id: PublishedId,  # noqa: A002 -- the name in the path
    loop: LoopDep,
    labels: ShownLabelsDep,
    response: Response,
) -> PublishedCopyOut:
    published = loop.published.find(id)
    brief = brief_of(published.brief)
    label = labels.of(published.shown, brief.lang, get_channel(brief.channel).id)
    response.headers.update(AI_HEADER if label is not None else {})
    (listed,) = _with_figures(loop, [published])
    return PublishedCopyOut(**listed.model_dump(by_alias=True), copy=ShownOut.of(published.shown, label))


@router.post("/v1/published/{id}/end", summary="Say that a copy was taken down", responses=_UNKNOWN)
def end_published(id: PublishedId, loop: LoopDep) -> PublishedOut:  # noqa: A002 -- the name in the path
    return _with_figures(loop, [loop.published.end(id)])[0]


@router.post(
    "/v1/published/recheck",
    summary="Which copies are no longer true or legal",
    responses={422: {"model": ErrorEnvelope, "description": "The request cannot be used."}},
)
def recheck_published(body: RecheckIn, loop: LoopDep, writer: WriterDep) -> RecheckOut:
    """Give the products that changed, or nothing to check all; about 500 copies a second. Offsets are of the field."""
    changes = [product.model_dump(exclude_unset=True) for product in body.products]
    checked = 0
    stale: list[Stale] = []
    for published in loop.published.list(live_at=datetime.now(UTC)):
        now = with_changes(published, changes) if changes else published
        if now is None:
            continue
        checked += 1
        if found := recheck(now, writer.facts):
            stale.append(found)
        if changes and body.keep:
            loop.published.keep_change(now)
    return RecheckOut(checked=checked, stale=[StaleOut.of(one) for one in stale])


def _with_figures(loop: Loop, found: Sequence[Published]) -> list[PublishedOut]:
    today = shop_day(datetime.now(UTC))
    counts = loop.events.counts(copies=sorted({one.shown.copy_id for one in found})) if found else []
    return [
        PublishedOut.of(one, brief_of(one.brief), ctr_of(counts, one.shown.copy_id, one.slot, today)) for one in found
    ]
