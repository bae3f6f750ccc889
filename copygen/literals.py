"""What a text must hold for a regular expression to match: literals, of which any match contains at least one.

Searching for the literals of hundreds of patterns at once is far cheaper than trying every pattern; the idea is that of
RE2's prefilter. Knows regular expressions, not rules.
"""

import importlib
import re
from collections.abc import Iterable
from typing import Any

# The standard library offers no public way to look into a pattern.
_parser: Any = importlib.import_module("re._parser")
_ops: Any = importlib.import_module("re._constants")

MOST = 64
"""Literals beyond this many save nothing over trying the pattern."""
_Literals = frozenset[str]


def required_literals(pattern: re.Pattern[str]) -> _Literals:
    """Literals of which every match of a case-sensitive pattern contains one; empty when there are none to be told."""
    return _required(_parser.parse(pattern.pattern, pattern.flags & ~re.UNICODE)) or frozenset()


def _required(sequence: Iterable[tuple[Any, Any]]) -> _Literals | None:
    best: _Literals | None = None
    run: _Literals = frozenset({""})
    for item in sequence:
        told = _language(item)
        if told is not None and len(run) * len(told) <= MOST:
            run = frozenset(head + tail for head in run for tail in told)
            continue
        best = _better(best, run)
        run = told or frozenset({""})
        best = _better(best, _inside(item)) if told is None else best
    return _better(best, run)


def _better(one: _Literals | None, other: _Literals | None) -> _Literals | None:
    """The set that fewer texts hold: longer literals, then fewer."""
    if other is None or "" in other or len(other) > MOST:
        return one
    return other if one is None or (-min(map(len, other)), len(other)) < (-min(map(len, one)), len(one)) else one


def _language(item: tuple[Any, Any]) -> _Literals | None:
    """All texts an item can match, where they are few; None where they are many or depend on what is around."""
    op, value = item
    if op is _ops.LITERAL:
        return frozenset({chr(value)})
    if op is _ops.IN:
        return frozenset(chr(code) for _, code in value) if all(kind is _ops.LITERAL for kind, _ in value) else None
    if op is _ops.SUBPATTERN:
        return _sentence(value[-1])
    if op is _ops.BRANCH:
        branches = [_sentence(branch) for branch in value[1]]
        known = [branch for branch in branches if branch is not None]
        every = frozenset[str]().union(*known)
        return every if len(known) == len(branches) and len(every) <= MOST else None
    if op is _ops.MAX_REPEAT and value[:2] == (0, 1):
        inner = _sentence(value[2])
        return None if inner is None else inner | {""}
    return None


def _sentence(sequence: Iterable[tuple[Any, Any]]) -> _Literals | None:
    run: _Literals = frozenset({""})
    for item in sequence:
        told = _language(item)
        if told is None or len(run) * len(told) > MOST:
            return None
        run = frozenset(head + tail for head in run for tail in told)
    return run


def _inside(item: tuple[Any, Any]) -> _Literals | None:
    """What an item whose language is unknown requires all the same."""
    op, value = item
    if op is _ops.SUBPATTERN:
        return _required(value[-1])
    if op in (_ops.MAX_REPEAT, _ops.MIN_REPEAT) and value[0] > 0:
        return _required(value[2])
    if op is _ops.BRANCH:
        branches = [_required(branch) for branch in value[1]]
        known = [branch for branch in branches if branch is not None]
        return frozenset[str]().union(*known) if len(known) == len(branches) else None
    return None
