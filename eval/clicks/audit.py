"""Whether a good figure could come from something other than the texts: what both sides of a split have in common."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from scipy import sparse

from copygen.text import to_hans

from eval.clicks.counts import Pair
from eval.clicks.design import COLUMNS, scored
from eval.clicks.grams import has_han

SUSPICIOUS = 0.70
"""An accuracy over this has to be explained: real headline tests have never been told so well without a leak."""
NEAR = 0.7
"""Two texts that share so much of their shingles (Jaccard) are the same text to a model."""
MANY = 0.1
"""A larger share of near copies may carry the figure."""
_SHINGLE_COLUMNS = 1 << 20
_CHUNK = 256
_LETTERS = re.compile(r"[\W_]+")


@dataclass(frozen=True, slots=True)
class Audit:
    """What was looked for and found."""

    shared_products: int
    """Products on both sides of the split."""
    shared_tests: int
    """Tests with pairs on both sides."""
    near_duplicates: tuple[str, ...]
    """Held-out texts of which the training side has a near copy."""
    held_out_texts: int
    best_single: tuple[str, float]
    """The one feature that tells the training outcomes best by itself, and how well."""
    outcome_columns: tuple[str, ...]
    """Columns made of the outcome that the data came with; none is read."""

    @property
    def verdict(self) -> str:
        """What it comes to; only 'nothing found' is a clean bill."""
        if self.shared_products or self.shared_tests:
            return "LEAK: products or tests are on both sides; do not trust the accuracy"
        doubts = []
        if len(self.near_duplicates) > MANY * self.held_out_texts:
            doubts.append("many held-out texts were learnt from, so look at the accuracy without them")
        if self.best_single[1] > SUSPICIOUS:
            doubts.append(
                f"{self.best_single[0]} alone tells the outcomes, so ask whether it stands for something else"
            )
        return f"look closer: {'; '.join(doubts)}" if doubts else "nothing found"


def audit(train: Sequence[Pair], held_out: Sequence[Pair], outcome_columns: Sequence[str] = ()) -> Audit:
    """Look for leaks between the two sides."""
    sides = (train, held_out)
    products, tests = ([{getattr(p.a, name) for p in side} for side in sides] for name in ("cluster", "test"))
    texts = [sorted({arm.text for pair in side for arm in (pair.a, pair.b)}) for side in sides]
    return Audit(
        shared_products=len(products[0] & products[1]),
        shared_tests=len(tests[0] & tests[1]),
        near_duplicates=near_duplicates(texts[1], texts[0]),
        held_out_texts=len(texts[1]),
        best_single=_best_single(train),
        outcome_columns=tuple(outcome_columns),
    )


def near_duplicates(texts: Sequence[str], of: Sequence[str]) -> tuple[str, ...]:
    """Those of some texts that are nearly one of the others."""
    if not texts or not of:
        return ()
    ours, theirs = _shingled(texts), _shingled(of)
    sizes, their_sizes = (np.asarray(each.sum(axis=1)).ravel() for each in (ours, theirs))
    across = theirs.T.tocsr()
    found: set[int] = set()
    for start in range(0, len(texts), _CHUNK):
        shared = (ours[start : start + _CHUNK] @ across).tocoo()
        union = sizes[shared.row + start] + their_sizes[shared.col] - shared.data
        found.update((shared.row[shared.data >= NEAR * union] + start).tolist())
    return tuple(texts[number] for number in sorted(found))


def _shingled(texts: Sequence[str]) -> sparse.csr_matrix:
    """Which runs of 8 letters (3 in a text with Chinese) each text has, marks and case aside."""
    columns: list[int] = []
    starts = [0]
    for text in texts:
        size = 3 if has_han(text) else 8
        plain = _LETTERS.sub("", to_hans(text).lower()) or text
        columns += {
            crc32(plain[i : i + size].encode()) % _SHINGLE_COLUMNS for i in range(max(1, len(plain) - size + 1))
        }
        starts.append(len(columns))
    return sparse.csr_matrix((np.ones(len(columns)), columns, starts), shape=(len(texts), _SHINGLE_COLUMNS))


def _best_single(pairs: Sequence[Pair]) -> tuple[str, float]:
    told = [(pair, pair.outcome) for pair in pairs if pair.outcome is not None]
    best = ("", 0.0)
    if told:
        gaps = np.array([np.subtract(scored(pair.a.text), scored(pair.b.text)) for pair, _ in told])
        outcome = np.array([outcome for _, outcome in told])
        for name, gap in zip(COLUMNS, gaps.T, strict=True):
            seen = np.nan_to_num(gap) != 0
            if seen.sum() >= 30:  # fewer say nothing of a feature
                right = float(((gap[seen] > 0) == (outcome[seen] > 0.5)).mean())
                best = max(best, (name, max(right, 1 - right)), key=lambda one: one[1])
    return best
