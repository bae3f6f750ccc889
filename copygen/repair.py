"""Mend a copy without a model: convert script, apply proposed fixes, strike out sentences, trim to length.

Only ever removes or replaces by what a finding proposes; never adds a claim. The result is checked again by the
caller, so a repair that does not help is simply a candidate that fails.
"""

from collections.abc import Sequence

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import Channel, FieldSpec
from copygen.finding import Finding, errors
from copygen.text import clause_spans, emoji_count, sentence_spans, to_hans, to_hant

_ENDS = "，,、；;：: "


def repair(copy: AdCopy, findings: Sequence[Finding], brief: Brief, channel: Channel) -> AdCopy:
    """Apply every mechanical mend the findings call for."""
    wrong = errors(findings)
    by_place: dict[str, list[Finding]] = {}
    for finding in wrong:
        by_place.setdefault(finding.where, []).append(finding)
    convert = to_hant if brief.lang == "zh-Hant" else to_hans
    wrong_script = any(finding.label == "script" for finding in wrong)

    def mend(where: str, text: str, spec: FieldSpec, shrinkable: bool) -> str:
        mended = _strike(text, by_place.get(where, ()), spec, shrinkable)
        mended = convert(mended) if wrong_script else mended
        return _trim(mended, spec)

    changes: dict[str, object] = {}
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        if isinstance(value, str):
            changes[name] = mend(name, value, spec, name == "body")
        else:
            items = [mend(f"{name}[{i}]", item, spec, False) for i, item in enumerate(value)]
            changes[name] = _select(items, value, by_place, name, spec)
    mended = copy.model_copy(update=changes)
    if any(finding.label == "emoji" for finding in wrong):
        mended = _drop_emoji(mended, channel.max_emoji)
    return mended


def _strike(text: str, findings: Sequence[Finding], spec: FieldSpec, shrinkable: bool) -> str:
    """Replace fragments that have a fix; strike out the clause or sentence of those that have none."""
    for finding in sorted(findings, key=lambda f: -f.start):
        if text[finding.start : finding.end] != finding.text:
            continue  # went with a neighbour's clause
        if finding.start == 0 and finding.end == len(text):
            continue  # the field as a whole: nothing to strike out of it
        if finding.fix:
            text = text[: finding.start] + finding.fix + text[finding.end :]
            continue
        if not shrinkable or finding.label in ("script", "length"):
            continue
        for spans in (clause_spans(text), sentence_spans(text)):
            start, end = _covering(spans, finding.start, finding.end)
            shorter = _join(text[:start], text[end:], text[start:end])
            if spec.measure(shorter) >= spec.min:
                text = shorter
                break
    return text


def _covering(spans: Sequence[tuple[int, int]], start: int, end: int) -> tuple[int, int]:
    touched = [span for span in spans if span[0] < end and start < span[1]]
    return (touched[0][0], touched[-1][1]) if touched else (start, end)


def _join(before: str, after: str, removed: str) -> str:
    """Close the gap: keep one end mark, the stronger of the two that meet."""
    before = before.rstrip()
    end = removed.rstrip()[-1:]
    if before and before[-1] in _ENDS and end and end in "。！？!?~～…":
        before = before[:-1] + end
    elif before and before[-1] in _ENDS and not after.strip():
        before = before[:-1] + "。"
    return before + after


def _trim(text: str, spec: FieldSpec) -> str:
    """Cut sentences, then clauses, from the end until the text fits; unchanged when no cut fits."""
    if spec.measure(text) <= spec.max:
        return text
    for spans, end in ((sentence_spans(text), ""), (clause_spans(text), "。")):
        for stop in reversed([span[1] for span in spans[:-1]]):
            head = text[:stop].rstrip()
            if end:
                head = head.rstrip(_ENDS)
                head += "" if spec.max_items or spec.max <= 20 else end
            if spec.min <= spec.measure(head) <= spec.max:
                return head
    return text


def _select(
    items: Sequence[str], original: Sequence[str], by_place: dict[str, list[Finding]], name: str, spec: FieldSpec
) -> tuple[str, ...]:
    """Keep the items that fit and have no open finding, in order, no more than the channel takes."""
    kept = []
    for i, item in enumerate(items):
        open_findings = [
            f for f in by_place.get(f"{name}[{i}]", ()) if not f.fix and f.label not in ("script", "length")
        ]
        fits = spec.min <= spec.measure(item) <= spec.max
        if fits and not open_findings and item not in kept:
            kept.append(item)
    enough = len(kept) >= (spec.min_items or 0)
    return tuple(kept[: spec.max_items] if enough else original)


def _drop_emoji(copy: AdCopy, allowed: int) -> AdCopy:
    """Keep the first `allowed` emoji of the body and drop the rest."""
    kept, seen = [], 0
    for char in copy.body:
        if emoji_count(char):
            seen += 1
            if seen > allowed:
                continue
        elif char == "\ufe0f" and seen > allowed:
            continue
        kept.append(char)
    return copy.model_copy(update={"body": "".join(kept)})
