"""What a change of the rules does to copy that is already written: found newly, found no longer, by rule.

Compares two rule sets on one text; knows nothing of files of copy or of how a difference is shown. Disguises are read
with the fold.toml that ships, whichever edition is compared.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copygen.brief import Brief
from copygen.compliance import found_by_rule
from copygen.finding import Finding
from copygen.rule import RuleSet

_Found = tuple[str, Finding]


@dataclass(frozen=True, slots=True)
class CopyDiff:
    """One copy under two editions of the rules; a fragment that only moved between rules of a label is in neither."""

    newly: tuple[_Found, ...]
    """(rule id of the new edition, finding) where the old edition found nothing of that label as grave."""
    no_longer: tuple[_Found, ...]
    """(rule id of the old edition, finding) where the new edition finds nothing of that label as grave."""

    def __bool__(self) -> bool:
        return bool(self.newly or self.no_longer)


def compare(pieces: Sequence[tuple[str, str]], brief: Brief | None, old: RuleSet, new: RuleSet) -> CopyDiff:
    """Check one copy under both editions."""
    before, after = found_by_rule(pieces, brief, old), found_by_rule(pieces, brief, new)
    return CopyDiff(newly=tuple(_without(after, before)), no_longer=tuple(_without(before, after)))


def _without(found: Sequence[_Found], other: Sequence[_Found]) -> Iterator[_Found]:
    """Those that nothing of the same label and severity in `other` overlaps."""
    for rule, finding in found:
        if not any(
            there.label == finding.label
            and there.severity == finding.severity
            and there.where == finding.where
            and there.start < finding.end
            and finding.start < there.end
            for _, there in other
        ):
            yield rule, finding
