"""Which copy of an experiment to show now."""

import threading
import time

import numpy as np

from serving.loop.event_store import EventStore, Traffic
from serving.loop.experiment import Arm, Experiment
from serving.loop.experiment_store import ExperimentStore
from serving.loop.posterior import choose

_FRESH_S = 5.0
"""How old the figures of a pick may be."""
_COST = 20.0
"""And how many times what it took to count them, so that counting takes a twentieth of one core at most."""


class Picker:
    """Picks by Thompson sampling with a floor; a visitor is shown again what they were shown before."""

    def __init__(self, events: EventStore, experiments: ExperimentStore, *, seed: int | None = None) -> None:
        self._events, self._experiments = events, experiments
        self._rng = np.random.default_rng(seed)
        self._lock = threading.Lock()
        self._known: dict[str, tuple[float, Traffic]] = {}

    def pick(self, experiment: Experiment, visitor: str = "") -> Arm:
        """Choose, and count that it was handed out.

        Args:
            visitor: The shop's key of the shopper; the same one is shown the same copy, whatever was learnt since.
        """
        if experiment.kept is not None:
            return experiment.arms[experiment.kept]
        arm = self._experiments.picked(experiment, visitor) if visitor else None
        if arm is None:
            traffic = self._traffic(experiment)
            with self._lock:  # numpy's generators are not for several threads
                arm = choose(
                    [one.successes for one in traffic.tallies],
                    [one.trials for one in traffic.tallies],
                    base_rate=experiment.base_rate,
                    floor=1.0 if experiment.allocation == "equal" else experiment.floor,
                    rng=self._rng,
                )
            arm = self._experiments.note_pick(experiment, arm, visitor)
        return experiment.arms[arm]

    def _traffic(self, experiment: Experiment) -> Traffic:
        now = time.monotonic()
        until, traffic = self._known.get(experiment.id, (0.0, None))
        if traffic is None or now >= until:
            traffic = traffic_of(self._events, experiment)
            took_s = time.monotonic() - now
            self._known[experiment.id] = (now + max(_FRESH_S, _COST * took_s), traffic)
        return traffic


def traffic_of(events: EventStore, experiment: Experiment) -> Traffic:
    """What came of an experiment's copies while it ran."""
    return events.traffic(
        experiment.copies,
        experiment.slot,
        experiment.goal,
        since=experiment.started_at,
        until=experiment.stopped_at,
    )
