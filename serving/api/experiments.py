"""/v1/experiments: copies of one product compete for one slot; shoppers' clicks decide which is shown."""

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Path, Query, Response
from pydantic import Field, model_validator

from copygen.channel import get_channel

from serving.api.copy_request import CopyRequest
from serving.api.error_body import ErrorEnvelope
from serving.api.experiment_wire import ExperimentOut, ReportOut
from serving.api.shop_events import AWAY, Id, LoopDep
from serving.api.shown_copy import ShownIn, ShownLabelsDep, ShownOut
from serving.api.wire import AI_HEADER, Wire
from serving.loop.event import shop_day
from serving.loop.experiment import DEFAULT_RATE, Experiment, Goal, brief_of, dump_record, product_of
from serving.loop.loop import Loop
from serving.loop.pick import traffic_of
from serving.loop.report import make_report

_UNKNOWN: dict[int | str, dict[str, Any]] = {404: {"model": ErrorEnvelope, "description": "No experiment of this id."}}
_CONFLICT: dict[int | str, dict[str, Any]] = {
    409: {"model": ErrorEnvelope, "description": "A copy competes in this slot already, or another one was kept."}
}
_HISTORY = timedelta(days=90)
_HISTORY_IMPRESSIONS = 1_000
router = APIRouter(tags=["experiments"], responses=AWAY)

ExperimentId = Annotated[str, Path(max_length=64)]


class ExperimentIn(Wire):
    """What competes for what."""

    name: str = Field("", max_length=200)
    """For people."""
    brief: CopyRequest
    """What the copies were written from, as POST /v1/copies takes it."""
    slot: Id
    """Where they are shown; events have to say the same."""
    copies: list[ShownIn] = Field(min_length=2, max_length=20)
    """The first is the one the others are compared with."""
    goal: Goal = "click"
    """What an impression is to lead to."""
    allocation: Literal["thompson", "equal"] = "thompson"
    """thompson: better copies are shown more and more; equal: all the same, which finds a winner soonest."""
    floor: float = Field(0.05, ge=0, le=1)
    """Share of picks spread evenly whatever is known."""
    alpha: float = Field(0.05, gt=0, lt=0.5)
    """Greatest probability of naming a winner where there is none."""
    base_rate: float | None = Field(None, gt=0, lt=1)
    """What rate a copy is expected to have; the slot's of the last 90 days when not given, else 0.02."""

    @model_validator(mode="after")
    def _differ(self) -> "ExperimentIn":
        if len({one.shown.copy_id for one in self.copies}) < len(self.copies):
            raise ValueError("two copies have the same id or the same text")
        return self


class ExperimentList(Wire):
    """The newest first."""

    experiments: list[ExperimentOut]


class PickOut(Wire):
    """What to show this shopper."""

    experiment: str
    copy_: ShownOut = Field(alias="copy")
    slot: str
    """To be sent back in the events."""


class StopIn(Wire):
    """How it ends."""

    keep: str = ""
    """Id of the copy to show from now on; the one that leads when not given."""


@router.post(
    "/v1/experiments",
    status_code=201,
    summary="Let copies compete for a slot",
    responses={**_CONFLICT, 422: {"model": ErrorEnvelope, "description": "The request cannot be used."}},
)
def begin_experiment(body: ExperimentIn, loop: LoopDep) -> ExperimentOut:
    """Begins at once. Show what `pick` says, and send the events to POST /v1/events."""
    get_channel(body.brief.channel)
    record = body.brief.record()
    experiment = loop.experiments.begin(
        [one.shown for one in body.copies],
        name=body.name,
        product=product_of(record),
        brief=dump_record(record),
        slot=body.slot,
        goal=body.goal,
        allocation=body.allocation,
        floor=body.floor,
        alpha=body.alpha,
        base_rate=body.base_rate or slot_rate(loop, body.slot, body.goal),
    )
    return ExperimentOut.of(experiment)


def slot_rate(loop: Loop, slot: str, goal: Goal) -> float:
    """What impressions of a slot came to lately, over all copies; the default where little is known."""
    since = shop_day(datetime.now(UTC) - _HISTORY).isoformat()
    counts = loop.events.counts(slot=slot, since=since)
    impressions, successes = sum(count.impression for count in counts), sum(count.of(goal) for count in counts)
    known = impressions >= _HISTORY_IMPRESSIONS and 0 < successes < impressions
    return successes / impressions if known else DEFAULT_RATE


@router.get("/v1/experiments", summary="The newest experiments")
def list_experiments(loop: LoopDep, limit: Annotated[int, Query(ge=1, le=500)] = 50) -> ExperimentList:
    return ExperimentList(experiments=[ExperimentOut.of(one) for one in loop.experiments.list(limit=limit)])


@router.get("/v1/experiments/{id}", summary="What an experiment says so far", responses=_UNKNOWN)
def show_experiment(id: ExperimentId, loop: LoopDep) -> ReportOut:  # noqa: A002 -- the name in the path
    """`verdict` may be asked for as often as you like; bots are left out of all figures."""
    experiment = loop.experiments.find(id)
    return ReportOut.of(make_report(experiment, traffic_of(loop.events, experiment)))


@router.get(
    "/v1/experiments/{id}/pick",
    summary="Which copy to show now",
    responses={
        **_UNKNOWN,
        200: {"headers": {"X-AI-Generated": {"description": "`true` unless a person wrote it.", "schema": {}}}},
    },
)
def pick_copy(
    id: ExperimentId,  # noqa: A002 -- the name in the path
    loop: LoopDep,
    labels: ShownLabelsDep,
    response: Response,
    visitor: Annotated[
        str, Query(max_length=128, description="Your key of the shopper, who is shown the same copy again.")
    ] = "",
) -> PickOut:
    """Counts as handed out, so ask once for each time you show it. After the end it is the copy that was kept."""
    experiment = loop.experiments.find(id)
    shown = loop.picker.pick(experiment, visitor).shown
    brief = brief_of(experiment.brief)
    label = labels.of(shown, brief.lang, get_channel(brief.channel).id)
    response.headers.update({"Cache-Control": "no-store"} | (AI_HEADER if label is not None else {}))
    return PickOut(experiment=experiment.id, copy=ShownOut.of(shown, label), slot=experiment.slot)


@router.post("/v1/experiments/{id}/stop", summary="End an experiment and keep one copy", responses=_UNKNOWN | _CONFLICT)
def stop_experiment(
    id: ExperimentId,  # noqa: A002 -- the name in the path
    loop: LoopDep,
    body: StopIn = StopIn(),
) -> ExperimentOut:
    """Stopping again with the same copy, or without one, changes nothing."""
    experiment = loop.experiments.find(id)
    return ExperimentOut.of(loop.experiments.stop(id, kept_arm(loop, experiment, body.keep)))


def kept_arm(loop: Loop, experiment: Experiment, copy_id: str) -> int:
    """The arm of a copy; without one the arm that was kept before, else the leader.

    Raises:
        UnknownCopy: The experiment has no such copy.
    """
    if copy_id:
        return experiment.arm_of(copy_id).number
    if experiment.kept is not None:
        return experiment.kept
    return make_report(experiment, traffic_of(loop.events, experiment)).leader
