"""What a card shows of one copy: its text stretch by stretch with what supports it, limits used, findings and fixes."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Literal

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.candidate import Candidate
from copygen.channel import Channel, FieldSpec
from copygen.check import CheckReport
from copygen.evidence import Clause, Support
from copygen.finding import Finding, errors
from copygen.label import Label
from copygen.rank import RankScore, rank_score
from copygen.repair import repair

Backing = Literal["backed", "told", "unbacked"]
_BACKED = ("attribute", "price", "fact")
_UNBACKED = ("unsupported", "contradicts")


def backing(support: Support, findings: Sequence[Finding] = ()) -> Backing:
    """How a clause is shown; one with an error in it is never shown as backed."""
    if support.kind in _UNBACKED or errors(findings):
        return "unbacked"
    return "backed" if support.kind in _BACKED else "told"


@dataclass(frozen=True, slots=True)
class Run:
    """A stretch of text of one look."""

    text: str
    severity: Literal["", "warning", "error"]


@dataclass(frozen=True, slots=True)
class Stretch:
    """A clause, or what stands between clauses (then without support)."""

    runs: tuple[Run, ...]
    backing: Backing
    support: Support | None
    reasons: tuple[str, ...]
    """Of the findings in it."""


def stretches(text: str, clauses: Sequence[Clause], findings: Sequence[Finding]) -> tuple[Stretch, ...]:
    """The whole text in order, cut at clauses and findings.

    Args:
        clauses: Those of this text, in order and not overlapping.
        findings: Those of this text.
    """
    result: list[Stretch] = []
    at = 0
    for clause in (*clauses, None):
        start, end = (clause.start, clause.end) if clause is not None else (len(text), len(text))
        if at < start:
            result.append(_stretch(text, at, start, None, findings))
        if clause is not None:
            result.append(_stretch(text, start, end, clause.support, findings))
        at = end
    return tuple(result)


def _stretch(text: str, start: int, end: int, support: Support | None, findings: Sequence[Finding]) -> Stretch:
    inside = [f for f in findings if f.start < end and start < f.end]
    # A finding on the whole of a text (its length) marks no stretch of it.
    marking = [f for f in inside if not (f.start == 0 and f.end >= len(text) and f.label == "length")]
    borders = {start, end, *(min(max(at, start), end) for f in marking for at in (f.start, f.end))}
    points = sorted(borders)
    runs = []
    for left, right in pairwise(points):
        worst: Literal["", "warning", "error"] = ""
        for finding in marking:
            if finding.start < right and left < finding.end and worst != "error":
                worst = finding.severity
        runs.append(Run(text[left:right], worst))
    kind = backing(support, marking) if support is not None else ("unbacked" if errors(marking) else "told")
    return Stretch(tuple(runs), kind, support, tuple(dict.fromkeys(f.reason for f in marking)))


@dataclass(frozen=True, slots=True)
class Piece:
    """One text of a copy with its limits."""

    where: str
    text: str
    spec: FieldSpec
    stretches: tuple[Stretch, ...]

    @property
    def used(self) -> int:
        return self.spec.measure(self.text)

    @property
    def fits(self) -> bool:
        return self.spec.min <= self.used <= self.spec.max


@dataclass(frozen=True, slots=True)
class Mark:
    """A finding with the mend one click makes, where there is one."""

    finding: Finding
    mends: bool
    """Whether a click helps: not everything can be mended without writing."""

    @property
    def key(self) -> str:
        """What the click sends: enough to know the finding by, whoever found it."""
        found = self.finding
        return json.dumps([found.label, found.where, found.start, found.end, found.fix], ensure_ascii=False)


def finding_of(key: str, copy: AdCopy) -> Finding | None:
    """The finding of a key, in a copy as it stands; None for what is no key."""
    try:
        label, where, start, end, fix = map(str, json.loads(key))
        begin, stop = int(start), int(end)
    except (ValueError, TypeError):
        return None
    text = dict(copy.texts()).get(where, "")
    if not 0 <= begin <= stop <= len(text):
        return None
    return Finding(label, where, begin, stop, text[begin:stop], reason="", fix=fix)


@dataclass(frozen=True)
class Card:
    """One copy as the page shows it."""

    number: int
    brief: Brief
    channel: Channel
    copy: AdCopy
    report: CheckReport
    score: RankScore
    label: Label
    repaired: bool = False
    edited: bool = False

    @classmethod
    def of(cls, candidate: Candidate, brief: Brief, channel: Channel, label: Label, number: int) -> "Card":
        return cls(number, brief, channel, candidate.copy, candidate.report, candidate.score, label, candidate.repaired)

    @classmethod
    def edited_by_hand(
        cls, copy: AdCopy, report: CheckReport, brief: Brief, channel: Channel, label: Label, number: int
    ) -> "Card":
        return cls(number, brief, channel, copy, report, rank_score(copy, brief), label, edited=True)

    @cached_property
    def record(self) -> str:
        """The brief as the page carries it along; facts of the graph are looked up again."""
        return json.dumps(record_of(self.brief), ensure_ascii=False, separators=(",", ":"))

    @cached_property
    def fields(self) -> list[tuple[str, FieldSpec, list[Piece]]]:
        """(name, spec, pieces) of each field of the channel, in its order."""
        return [(name, spec, self._pieces(name, spec)) for name, spec in self.channel.fields.items()]

    def _pieces(self, name: str, spec: FieldSpec) -> list[Piece]:
        value = getattr(self.copy, name)
        texts = [(name, value)] if isinstance(value, str) else [(f"{name}[{i}]", v) for i, v in enumerate(value)]
        return [
            Piece(
                where,
                text,
                spec,
                stretches(
                    text,
                    [clause for clause in self.report.evidence.clauses if clause.where == where],
                    [finding for finding in self.report.findings if finding.where == where and finding.end],
                ),
            )
            for where, text in texts
        ]

    def typed(self, name: str) -> str:
        """A field as it stands in the editor: points one a line, tags with their sign on one line."""
        value = getattr(self.copy, name)
        if name == "tags":
            return " ".join(f"#{tag}" for tag in value)
        return value if isinstance(value, str) else "\n".join(value)

    @cached_property
    def marks(self) -> list[Mark]:
        """Findings, errors first; what one click cannot mend has no mend."""
        found = sorted(self.report.findings, key=lambda f: f.severity != "error")
        return [Mark(f, repair(self.copy, [f], self.brief, self.channel) != self.copy) for f in found]

    @property
    def backed(self) -> int:
        return self._count("backed")

    @property
    def unbacked(self) -> int:
        return self._count("unbacked")

    def _count(self, kind: Backing) -> int:
        everything = (s for _, _, pieces in self.fields for piece in pieces for s in piece.stretches)
        return sum(s.backing == kind for s in everything)

    @property
    def errors(self) -> list[Finding]:
        return errors(self.report.findings)

    @property
    def paste_text(self) -> str:
        """The copy with its label as it is pasted elsewhere."""
        copy = self.copy
        tags = " ".join(f"#{tag}" for tag in copy.tags)
        return self.label.under("\n".join(text for text in (copy.title, *copy.points, copy.body, tags) if text))


def record_of(brief: Brief) -> dict[str, object]:
    """A brief as a record without what the graph adds."""
    return brief.model_dump(exclude={"facts", "id", "n"})
