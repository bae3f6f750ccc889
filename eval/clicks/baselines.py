"""What a click model has to beat: a coin, the length alone, and looking up the most similar copies seen before."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from copygen.text import char_count

from eval.clicks.counts import Pair
from eval.clicks.design import Floats
from eval.clicks.grams import vectors

_NEIGHBOURS = 20


def coin(held_out: Sequence[Pair], seed: int = 0) -> Floats:
    """A score for each pair that knows nothing."""
    return np.random.default_rng(seed).normal(size=len(held_out))


def length_only(train: Sequence[Pair], held_out: Sequence[Pair]) -> Floats:
    """The longer of the two, or the shorter, whichever did better in training."""
    gap = np.array([char_count(pair.a.text) - char_count(pair.b.text) for pair in held_out], float)
    trend = sum(
        pair.weight * (pair.better - 0.5) * np.sign(char_count(pair.a.text) - char_count(pair.b.text)) for pair in train
    )
    return gap * (np.sign(trend) or 1.0)


def retrieval(train: Sequence[Pair], held_out: Sequence[Pair]) -> Floats:
    """How the copies of the training side most like each text did in their own tests."""
    record: dict[str, list[float]] = defaultdict(list)
    for pair in train:
        record[pair.a.text].append(pair.better - 0.5)
        record[pair.b.text].append(0.5 - pair.better)
    known = list(record)
    success = np.array([np.mean(record[text]) for text in known])
    texts = list(dict.fromkeys(arm.text for pair in held_out for arm in (pair.a, pair.b)))
    ours, theirs = vectors(texts), vectors(known)
    score = {}
    for number, text in enumerate(texts):
        likeness = (theirs @ ours[number].T).toarray().ravel()
        best = np.argsort(-likeness)[:_NEIGHBOURS]
        score[text] = float((likeness[best] * success[best]).sum() / max(likeness[best].sum(), 1e-9))
    return np.array([score[pair.a.text] - score[pair.b.text] for pair in held_out])
