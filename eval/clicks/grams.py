"""A text as hashed character n-grams: one to three Chinese characters, two to five Latin letters of a word.

Knows no clicks. Hashing keeps no vocabulary: a word never seen before has a column too, with a weight near zero.
"""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from zlib import crc32

import numpy as np
from scipy import sparse

from copygen.text import to_hans

WIDTH = 1 << 15
"""Columns; two n-grams may share one."""
_HAN = r"\u3400-\u9fff"
_RUN = re.compile(rf"[{_HAN}]+|[^\W_{_HAN}]+(?:['’][a-z]+)?|[^\w\s]")
_HAS_HAN = re.compile(f"[{_HAN}]")
_HAN_SIZES, _LATIN_SIZES = range(1, 4), range(2, 6)


def has_han(text: str) -> bool:
    """Whether a text has a Chinese character at all."""
    return _HAS_HAN.search(text) is not None


def grams(text: str) -> Iterator[str]:
    """The n-grams of a text, repeated as often as they occur; a Latin word is padded with blanks, so ends count."""
    folded = (to_hans(text) if has_han(text) else text).lower()
    for run in _RUN.findall(folded):
        sizes = _HAN_SIZES
        if not _HAS_HAN.match(run):
            run, sizes = f" {run} ", _LATIN_SIZES
        for size in sizes:
            for start in range(len(run) - size + 1):
                yield run[start : start + size]


def vectors(texts: Sequence[str], width: int = WIDTH) -> sparse.csr_matrix:
    """One row of length 1 for each text; a text without letters is a row of zeros."""
    columns: list[int] = []
    values: list[float] = []
    starts = [0]
    for text in texts:
        counts = Counter(crc32(gram.encode()) % width for gram in grams(text))
        norm = float(np.sqrt(sum(count * count for count in counts.values()))) or 1.0
        columns += counts.keys()
        values += [count / norm for count in counts.values()]
        starts.append(len(columns))
    return sparse.csr_matrix((values, columns, starts), shape=(len(texts), width))
