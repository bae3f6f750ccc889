"""Documented features of one copy: each a value from 0 to 1 with a reason in Chinese, or unscored with a reason why.

They describe a copy; what any of them is worth in clicks is the business of eval.clicks, and only data can tell.
"""

from eval.features import fit, opening, wording
from eval.features.subject import Feature, Score, Subject

FEATURES: dict[str, Feature] = {
    feature.name: feature for feature in (*opening.FEATURES, *wording.FEATURES, *fit.FEATURES)
}

__all__ = ["FEATURES", "Feature", "Score", "Subject", "score_all"]


def score_all(subject: Subject) -> dict[str, Score]:
    """What every feature says of one copy."""
    return {name: feature.score(subject) for name, feature in FEATURES.items()}
