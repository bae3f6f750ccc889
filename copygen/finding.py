"""What a check found: a value, never an exception. Limits, evidence and compliance all speak it."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fragment of a copy that a reviewer would strike out, and what to do about it."""

    label: str
    """What kind: a limit (length, missing_field, …) or a label of docs/findings.md (absolute_term, wrong_value, …)."""
    where: str
    """Field of the copy: title, body, points[0], tags[0]; 'text' for free text."""
    start: int
    """Offset of the first character in that field's text."""
    end: int
    """Offset after the last character; start == end == 0 when the field as a whole is meant."""
    text: str
    """The fragment: field_text[start:end]."""
    reason: str
    """Why, for a merchant: what was found and what was expected."""
    article: str = ""
    """Law and article, where one is broken."""
    fix: str = ""
    """Replacement for the fragment; empty means: strike it out."""
    proof: str = ""
    """What evidence would make the wording legal, where any would."""
    severity: Severity = "error"
    """A copy with an error is never shown as good; a warning is shown beside it."""


def errors(findings: Iterable[Finding]) -> list[Finding]:
    """The findings that keep a copy from being returned."""
    return [finding for finding in findings if finding.severity == "error"]
