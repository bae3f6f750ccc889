"""Every check a copy passes before it is shown: limits, evidence, compliance. One place, so no exit skips one."""

from collections.abc import Sequence
from dataclasses import dataclass

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import Channel
from copygen.compliance import check_compliance
from copygen.evidence import EvidenceReport, check_evidence
from copygen.finding import Finding, errors
from copygen.limits import check_limits


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What all checks say of one copy."""

    findings: tuple[Finding, ...]
    evidence: EvidenceReport

    @property
    def passed(self) -> bool:
        return not errors(self.findings)


def check_text(text: str, brief: Brief | None, *, block: Sequence[str] = (), allow: Sequence[str] = ()) -> CheckReport:
    """Check free text: law always, evidence when its product is known, limits never."""
    pieces = [("text", text)]
    evidence = check_evidence(pieces, brief) if brief is not None else EvidenceReport((), ())
    law = check_compliance(pieces, brief, block=block, allow=allow)
    return CheckReport((*evidence.findings, *law), evidence)


def check_copy(
    copy: AdCopy, brief: Brief, channel: Channel, *, block: Sequence[str] = (), allow: Sequence[str] = ()
) -> CheckReport:
    """Run all fast checks.

    Args:
        block: A merchant's own words never to be shown.
        allow: A merchant's own words never to be flagged.
    """
    pieces = copy.texts()
    evidence = check_evidence(pieces, brief)
    findings = [
        *check_limits(copy, brief, channel),
        *evidence.findings,
        *check_compliance(pieces, brief, block=block, allow=allow),
    ]
    return CheckReport(tuple(findings), evidence)
