"""What an experiment says so far, and whether it has said enough."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from serving.loop.event import Tally
from serving.loop.event_store import Traffic
from serving.loop.experiment import Arm, Experiment
from serving.loop.posterior import Belief, beliefs, mismatch_p
from serving.loop.sequential import lift_interval, log_e_value, threshold

MISMATCH_P = 0.001
_NO_DIFFERENCE = 0.01
"""Loss, as a share of the leader's rate, below which it does not matter which copy is shown."""

Verdict = Literal["continue", "winner", "no_difference", "broken"]


@dataclass(frozen=True, slots=True)
class ArmReport:
    """One copy's figures."""

    arm: Arm
    tally: Tally
    belief: Belief
    always_low: float
    """Lift over the first copy, in an interval that may be looked at every day."""
    always_high: float
    p_value: float
    """Always valid: of 'it is as good as the leader', before the correction for several copies."""


@dataclass(frozen=True, slots=True)
class Report:
    """An experiment's figures."""

    experiment: Experiment
    arms: tuple[ArmReport, ...]
    leader: int
    """Number of the arm with the highest believed rate."""
    verdict: Verdict
    reason: str
    """For merchants, in Chinese."""
    mismatch_p: float
    bot_visitors: int
    bot_events: int


def make_report(experiment: Experiment, traffic: Traffic) -> Report:
    """Read the figures of an experiment.

    The verdict 'winner' is wrong with a probability of `alpha` at most, however often it is asked for.
    'no_difference' weighs cost, not error: showing the leader for good gives up less than 1 % of its rate.
    """
    tallies = traffic.tallies
    believed = beliefs(tallies, experiment.base_rate)
    leader = int(np.argmax([belief.rate for belief in believed]))
    limit = threshold(experiment.alpha, len(tallies))
    evidence = [0.0 if at == leader else _evidence(experiment, tallies, leader, at) for at in range(len(tallies))]
    arms = []
    for arm, tally, belief, log_e in zip(experiment.arms, tallies, believed, evidence, strict=True):
        low, high = (0.0, 0.0) if arm.number == 0 else _always(experiment, tallies, arm.number, limit)
        arms.append(ArmReport(arm, tally, belief, low, high, min(1.0, float(np.exp(-log_e)))))
    mismatch = _mismatch(experiment, tallies)
    won = all(log_e >= limit for at, log_e in enumerate(evidence) if at != leader)
    verdict, reason = _verdict(arms, leader, won, mismatch)
    return Report(experiment, tuple(arms), leader, verdict, reason, mismatch, traffic.bot_visitors, traffic.bot_events)


def _evidence(experiment: Experiment, tallies: Sequence[Tally], leader: int, other: int) -> float:
    pair = (tallies[leader], tallies[other])
    successes = np.asarray([one.successes for one in pair], float)
    trials = np.asarray([one.trials for one in pair], float)
    rates = [one.successes / max(one.trials, 1) for one in pair]
    if rates[0] <= rates[1]:
        return 0.0  # evidence of the opposite is none for the leader
    return float(log_e_value(successes, trials, experiment.base_rate, even=_even(experiment)))


def _always(experiment: Experiment, tallies: Sequence[Tally], arm: int, limit: float) -> tuple[float, float]:
    pair = (tallies[0], tallies[arm])
    successes, trials = (pair[0].successes, pair[1].successes), (pair[0].trials, pair[1].trials)
    return lift_interval(successes, trials, experiment.base_rate, limit, even=_even(experiment))


def _even(experiment: Experiment) -> bool:
    return experiment.allocation == "equal"


def _mismatch(experiment: Experiment, tallies: Sequence[Tally]) -> float:
    """Of visitors where all events have one, else of impressions: a visitor's impressions are no independent draws."""
    visitors = [one.visitors for one in tallies]
    arrived = visitors if any(visitors) else [one.trials for one in tallies]
    return mismatch_p([arm.picks for arm in experiment.arms], arrived)


def _verdict(arms: Sequence[ArmReport], leader: int, won: bool, mismatch: float) -> tuple[Verdict, str]:
    first = arms[leader]
    if mismatch < MISMATCH_P:
        return "broken", "各文案的曝光与派发次数对不上，多半是埋点漏报或缓存；先查数据，其余数字暂不可信"
    if won:
        return "winner", f"第 {leader + 1} 条胜出：证据已过停止线，天天看也只有约定的误判概率"
    if first.tally.successes and first.belief.loss < _NO_DIFFERENCE * first.belief.rate:
        return "no_difference", "差别已小到不值得再等：选领先的一条，平均少赚不到其点击率的 1%"
    return "continue", "还看不出高下，继续"
