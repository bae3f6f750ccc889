"""Experiments in their tables: begun, picked from, stopped, each in one transaction."""

import time
import uuid
from collections.abc import Sequence
from typing import Any

from sqlalchemy import Connection, Engine, insert, select, update

from copygen.ad_copy import AdCopy

from serving.jobs.store import insert_or_ignore
from serving.jobs.tables import translated
from serving.loop.event import digest
from serving.loop.experiment import Allocation, Arm, Experiment, ExperimentConflict, Goal, Shown, UnknownExperiment
from serving.loop.tables import ARMS, EXPERIMENTS, PICKS


class ExperimentStore:
    """Experiments of one database.

    Raises:
        JobStoreError: From every method, when the database does not answer.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def begin(
        self,
        copies: Sequence[Shown],
        *,
        name: str,
        product: str,
        brief: str,
        slot: str,
        base_rate: float,
        goal: Goal = "click",
        allocation: Allocation = "thompson",
        floor: float = 0.05,
        alpha: float = 0.05,
    ) -> Experiment:
        """Start one now.

        Raises:
            ExperimentConflict: One of the copies competes in this slot already: nobody could tell whose events they
                are.
        """
        experiment_id = f"exp-{uuid.uuid4().hex[:20]}"
        values = {
            "id": experiment_id,
            "name": name,
            "product": product,
            "brief": brief,
            "slot": slot,
            "goal": goal,
            "allocation": allocation,
            "floor": floor,
            "alpha": alpha,
            "base_rate": base_rate,
            "started_at": time.time(),
        }
        arms = [
            {
                "experiment": experiment_id,
                "number": number,
                "copy": one.copy_id,
                "content": one.content,
                "ai_generated": one.ai_generated,
                "picks": 0,
            }
            for number, one in enumerate(copies)
        ]
        with translated(), self._engine.begin() as connection:
            connection.execute(insert(EXPERIMENTS), values)
            other = connection.execute(
                select(ARMS.c.copy, ARMS.c.experiment)
                .join(EXPERIMENTS, EXPERIMENTS.c.id == ARMS.c.experiment)
                .where(
                    EXPERIMENTS.c.slot == slot, EXPERIMENTS.c.stopped_at.is_(None), EXPERIMENTS.c.id != experiment_id
                )
                .where(ARMS.c.copy.in_([one.copy_id for one in copies]))
                .limit(1)
            ).first()
            if other is not None:
                raise ExperimentConflict(f"{other.copy} competes in {slot!r} already; stop {other.experiment} first")
            connection.execute(insert(ARMS), arms)
        return self.find(experiment_id)

    def find(self, experiment_id: str) -> Experiment:
        """The experiment as it stands.

        Raises:
            UnknownExperiment: No such experiment.
        """
        with translated(), self._engine.connect() as connection:
            return _find(connection, experiment_id)

    def list(self, *, limit: int = 50) -> list[Experiment]:
        """The newest first."""
        with translated(), self._engine.connect() as connection:
            query = select(EXPERIMENTS.c.id).order_by(EXPERIMENTS.c.started_at.desc(), EXPERIMENTS.c.id).limit(limit)
            return [_find(connection, one) for one in connection.execute(query).scalars().all()]

    def picked(self, experiment: Experiment, visitor: str) -> int | None:
        """The arm this visitor was shown before."""
        with translated(), self._engine.connect() as connection:
            return connection.execute(_pick_of(experiment, visitor)).scalar()

    def note_pick(self, experiment: Experiment, arm: int, visitor: str) -> int:
        """Count a pick; returns the arm to show, which is another where the visitor got one at the same moment."""
        with translated(), self._engine.begin() as connection:
            if visitor:
                row = {"experiment": experiment.id, "visitor": digest(visitor), "arm": arm}
                if not connection.execute(insert_or_ignore(connection, PICKS).values(row)).rowcount:
                    before: int = connection.execute(_pick_of(experiment, visitor)).scalar_one()
                    return before
            place = (ARMS.c.experiment == experiment.id, ARMS.c.number == arm)
            connection.execute(update(ARMS).where(*place).values(picks=ARMS.c.picks + 1))
        return arm

    def stop(self, experiment_id: str, kept: int) -> Experiment:
        """End it; from now on every pick is the kept arm. Stopping again changes nothing.

        Raises:
            UnknownExperiment: No such experiment.
            ExperimentConflict: It was stopped with another arm kept.
        """
        with translated(), self._engine.begin() as connection:
            connection.execute(
                update(EXPERIMENTS)
                .where(EXPERIMENTS.c.id == experiment_id, EXPERIMENTS.c.stopped_at.is_(None))
                .values(stopped_at=time.time(), kept=kept)
            )
            experiment = _find(connection, experiment_id)
        if experiment.kept != kept:
            shown = experiment.arms[experiment.kept or 0].shown.copy_id
            raise ExperimentConflict(f"{experiment_id} was stopped and shows {shown}; begin another to change that")
        return experiment


def _pick_of(experiment: Experiment, visitor: str) -> Any:
    return select(PICKS.c.arm).where(PICKS.c.experiment == experiment.id, PICKS.c.visitor == digest(visitor))


def _find(connection: Connection, experiment_id: str) -> Experiment:
    row = connection.execute(select(EXPERIMENTS).where(EXPERIMENTS.c.id == experiment_id)).one_or_none()
    if row is None:
        raise UnknownExperiment(f"{experiment_id!r}: no experiment of this id; `copygen experiment list` lists them")
    arms = connection.execute(select(ARMS).where(ARMS.c.experiment == experiment_id).order_by(ARMS.c.number))
    return Experiment(
        **row._mapping,
        arms=tuple(
            Arm(arm.number, Shown(arm.copy, AdCopy.model_validate_json(arm.content), bool(arm.ai_generated)), arm.picks)
            for arm in arms
        ),
    )
