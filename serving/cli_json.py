"""What `copygen write --json` prints."""

from collections.abc import Sequence
from typing import Any

from copygen.label import Label
from copygen.write import WriteResult

from serving.jobs.table_out import candidate_json, finding_json


def write_json(result: WriteResult, labels: Sequence[Label]) -> dict[str, Any]:
    return {
        "copies": [
            {
                **candidate_json(candidate),
                "proxy": {"value": candidate.score.value, "reasons": list(candidate.score.reasons)},
                "findings": [finding_json(finding) for finding in candidate.findings],
                "repaired": candidate.repaired,
                **label.metadata(),
            }
            for candidate, label in zip(result.copies, labels, strict=True)
        ],
        "facts": [[fact.subject, fact.relation, fact.object] for fact in result.facts],
        "changes": [{"field": change.field, "what": change.what} for change in result.changes],
        "ai_label": labels[0].text,
        "model": result.model,
        "prompt_id": result.prompt_id,
        "prompt_hash": result.prompt_hash,
        "seed": result.seed,
        "timings": {
            "first_token_ms": round(result.timings.first_token_ms, 1),
            "total_ms": round(result.timings.total_ms, 1),
        },
    }
