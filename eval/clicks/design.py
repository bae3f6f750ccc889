"""Texts -> the numbers a click model sees: what the documented features say of each, and its hashed n-grams.

Only the text is looked at: no count, no rate, no position can get in, because none is an argument.
"""

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

from copygen.ad_copy import AdCopy

from eval.clicks.counts import Pair
from eval.clicks.grams import vectors
from eval.features import FEATURES, Subject

Floats = NDArray[np.float64]

TEXT_FEATURES = (
    *(name for name in FEATURES if name.startswith("hook_")),
    *("novelty", "concreteness", "clause_rhythm", "common_words", "emotion", "freshness", "compliance"),
    "offer_clarity",
)
"""The features a text alone can be scored on, whatever it sells."""
COLUMNS = (*TEXT_FEATURES, "length")
_LENGTH_SCALE = 5.0
"""log(150 characters) is about 5: the length lies in 0..1 like the rest."""


@lru_cache(maxsize=200_000)
def scored(text: str) -> tuple[float, ...]:
    """What the features say of a text, in the order of COLUMNS; NaN where one is unscored."""
    subject = Subject(AdCopy(body=text))
    values = (FEATURES[name].score(subject).value for name in TEXT_FEATURES)
    return (*(math.nan if value is None else value for value in values), math.log1p(subject.chars) / _LENGTH_SCALE)


def differences(pairs: Sequence[tuple[str, str]]) -> sparse.csr_matrix:
    """One row for each pair of texts: A's numbers less B's; a feature unscored for either says nothing of the two."""
    texts = {text: number for number, text in enumerate(dict.fromkeys(text for pair in pairs for text in pair))}
    a, b = (np.array([texts[pair[side]] for pair in pairs], int) for side in (0, 1))
    dense = np.array([scored(text) for text in texts])
    hashed = vectors(list(texts))
    return sparse.hstack((np.nan_to_num(dense[a] - dense[b]), hashed[a] - hashed[b]), format="csr")


def text_pairs(pairs: Sequence[Pair]) -> list[tuple[str, str]]:
    return [(pair.a.text, pair.b.text) for pair in pairs]
