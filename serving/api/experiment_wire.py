"""What is said of an experiment over the wire, and on the command line with --json."""

from datetime import datetime
from typing import Literal

from pydantic import Field

from serving.api.wire import Wire
from serving.loop.event import utc
from serving.loop.experiment import Experiment
from serving.loop.report import ArmReport, Report, Verdict


class ExperimentOut(Wire):
    """An experiment, without its figures."""

    id: str
    name: str
    product: str
    slot: str
    goal: Literal["click", "add_to_cart", "order"]
    allocation: Literal["thompson", "equal"]
    floor: float
    alpha: float
    base_rate: float
    """Fixed at the start: the slot's rate until then, or what was given."""
    state: Literal["running", "stopped"]
    copies: list[str]
    """Their ids, in the order they were given."""
    kept: str | None
    """The copy that a stopped experiment shows."""
    started_at: datetime
    stopped_at: datetime | None

    @classmethod
    def of(cls, experiment: Experiment) -> "ExperimentOut":
        return cls(
            id=experiment.id,
            name=experiment.name,
            product=experiment.product,
            slot=experiment.slot,
            goal=experiment.goal,
            allocation=experiment.allocation,
            floor=experiment.floor,
            alpha=experiment.alpha,
            base_rate=experiment.base_rate,
            state=experiment.state,
            copies=experiment.copies,
            kept=None if experiment.kept is None else experiment.copies[experiment.kept],
            started_at=utc(experiment.started_at),
            stopped_at=utc(experiment.stopped_at) if experiment.stopped_at is not None else None,
        )


class ArmOut(Wire):
    """One copy's figures, without bots."""

    copy_id: str
    picks: int
    """How often it was handed out."""
    impressions: int
    successes: int
    """Impressions that led to the goal; of one visitor one a day."""
    visitors: int
    rate: float
    """Median of the posterior, as are `lift` and the bounds of 95 %."""
    rate_low: float
    rate_high: float
    lift: float
    """Of the rate over the first copy's, as a fraction."""
    lift_low: float
    lift_high: float
    always_low: float
    """Bounds of the lift that hold however often one looks."""
    always_high: float
    best: float = Field(ge=0, le=1)
    """Probability that no other copy is better."""
    loss: float
    """Rate that is given up on average by keeping this one."""
    p_value: float
    """Of 'it is as good as the leader'; holds however often one looks; 1 for the leader."""

    @classmethod
    def of(cls, report: ArmReport) -> "ArmOut":
        belief, tally = report.belief, report.tally
        return cls(
            copy_id=tally.copy_id,
            picks=report.arm.picks,
            impressions=tally.trials,
            successes=tally.successes,
            visitors=tally.visitors,
            rate=belief.rate,
            rate_low=belief.rate_low,
            rate_high=belief.rate_high,
            lift=belief.lift,
            lift_low=belief.lift_low,
            lift_high=belief.lift_high,
            always_low=report.always_low,
            always_high=report.always_high,
            best=belief.best,
            loss=belief.loss,
            p_value=report.p_value,
        )


class ReportOut(ExperimentOut):
    """An experiment with its figures."""

    arms: list[ArmOut]
    leader: str
    """The copy with the highest rate so far."""
    verdict: Verdict
    """winner: the leader is better, wrongly said with probability `alpha` at most however often it is asked.
    no_difference: keeping the leader gives up less than 1 % of its rate. broken: see `mismatch_p`."""
    reason: str
    """For merchants, in Chinese."""
    mismatch_p: float
    """Probability of impressions arriving this unevenly by chance; below 0.001 no figure is to be trusted."""
    bot_visitors: int
    """Visitors and days left out as bots."""
    bot_events: int

    @classmethod
    def of(cls, report: Report) -> "ReportOut":  # type: ignore[override]  # made from more than its base is
        return cls(
            **ExperimentOut.of(report.experiment).model_dump(),
            arms=[ArmOut.of(arm) for arm in report.arms],
            leader=report.arms[report.leader].tally.copy_id,
            verdict=report.verdict,
            reason=report.reason,
            mismatch_p=report.mismatch_p,
            bot_visitors=report.bot_visitors,
            bot_events=report.bot_events,
        )
