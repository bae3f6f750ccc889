"""A candidate's way: completion -> copy -> checks -> mended without a model -> deep check -> rank."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace

from copygen.ad_copy import AdCopy, parse
from copygen.brief import Brief
from copygen.channel import Channel
from copygen.check import CheckReport, check_copy
from copygen.finding import Finding, errors
from copygen.rank import RankScore, rank_score
from copygen.repair import repair
from copygen.sampling import Drawn
from copygen.verify import Verifier, check_deep


@dataclass(frozen=True, slots=True)
class Words:
    """A merchant's own word lists."""

    block: tuple[str, ...] = ()
    """Words never to be shown, on top of the rules."""
    allow: tuple[str, ...] = ()
    """Words the rules must not flag."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One copy with everything known about it."""

    copy: AdCopy
    report: CheckReport
    score: RankScore
    repaired: bool
    """Sentences were struck out, trimmed or replaced after the model wrote it."""
    completion: str
    """What the model wrote, untouched."""
    mean_logprob: float | None = None
    """Of its tokens under the model; None where the engine does not say."""
    verified: bool = False
    """The deep check has been asked about it."""

    @property
    def findings(self) -> tuple[Finding, ...]:
        return self.report.findings


def judge(drawn: Drawn, brief: Brief, channel: Channel, words: Words) -> Candidate:
    """Parse and check one completion; mend it mechanically where that is enough."""
    copy = parse(drawn.text, channel)
    report = check_copy(copy, brief, channel, block=words.block, allow=words.allow)
    repaired = False
    if report.findings:
        mended = repair(copy, report.findings, brief, channel)
        if mended != copy:
            mended_report = check_copy(mended, brief, channel, block=words.block, allow=words.allow)
            if _badness(mended_report) < _badness(report):
                copy, report, repaired = mended, mended_report, True
    score = rank_score(copy, brief, mean_logprob=drawn.mean_logprob)
    return Candidate(copy, report, score, repaired, drawn.text, drawn.mean_logprob)


def _badness(report: CheckReport) -> tuple[int, int]:
    """Errors first, then warnings."""
    return len(errors(report.findings)), len(report.findings)


def count_good(candidates: Sequence[Candidate], *, verified: bool) -> int:
    return len({c.copy for c in candidates if c.report.passed and c.verified >= verified})


async def verify(
    candidates: Sequence[Candidate], brief: Brief, channel: Channel, words: Words, verifier: Verifier
) -> list[Candidate]:
    """Ask the deep check about the best candidates until enough stand or none is left."""
    known = [*candidates]
    while (missing := brief.n - count_good(known, verified=True)) > 0:
        good, _ = rank(known, brief)
        asked = [candidate for candidate in good if not candidate.verified][:missing]
        if not asked:
            break
        judged = await asyncio.gather(*(_verified(one, brief, channel, words, verifier) for one in asked))
        by_copy = {before.copy: after for before, after in zip(asked, judged, strict=True)}
        known = [by_copy.get(candidate.copy, candidate) for candidate in known]
    return known


async def _verified(
    candidate: Candidate, brief: Brief, channel: Channel, words: Words, verifier: Verifier
) -> Candidate:
    """The candidate with the deep check's findings, mended of them where striking out is enough."""
    report = await check_deep(candidate.report, candidate.copy.texts(), brief, verifier)
    candidate = replace(candidate, report=report, verified=True)
    if report.passed:
        return candidate
    mended = repair(candidate.copy, report.findings, brief, channel)
    fast = check_copy(mended, brief, channel, block=words.block, allow=words.allow)
    left = any(finding.text in mended.plain_text() for finding in errors(report.findings))
    return candidate if left or not fast.passed else replace(candidate, copy=mended, report=fast, repaired=True)


def rank(candidates: Sequence[Candidate], brief: Brief) -> tuple[list[Candidate], list[Candidate]]:
    """(good, rejected), both best first; equal copies and look-alike openings fall behind."""
    unique: dict[AdCopy, Candidate] = {}
    for candidate in candidates:
        unique.setdefault(candidate.copy, candidate)
    good = [candidate for candidate in unique.values() if candidate.report.passed]
    good = [
        replace(
            candidate,
            score=rank_score(
                candidate.copy,
                brief,
                [other.copy for other in good if other is not candidate],
                mean_logprob=candidate.mean_logprob,
            ),
        )
        for candidate in good
    ]
    good.sort(key=lambda c: (-c.score.value, c.repaired))
    rejected = [candidate for candidate in candidates if not candidate.report.passed]
    rejected.sort(key=lambda c: (len(errors(c.findings)), -c.score.value))
    return good, rejected
