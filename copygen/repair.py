"""Mend a copy without a model: convert script, apply proposed fixes, strike out sentences, trim to length, fill tags.

Only ever removes, or adds what the brief says word for word; never adds a claim. The result is checked again by the
caller, so a repair that does not help is simply a candidate that fails.
"""

import re
from collections.abc import Sequence

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import Channel, FieldSpec
from copygen.finding import Finding, errors
from copygen.text import clause_spans, emoji_count, sentence_spans, to_hans, to_hant

_ENDS = "，,、；;：: "
_STOPS = "。！？!?~～…"
_RUN = 4
"""Characters of a run that is looked for a second time."""


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
        if any(finding.label == "repetition" for finding in by_place.get(where, ())):
            mended = _without_repeats(mended, spec)
        mended = convert(mended) if wrong_script else mended
        if any(finding.label == "unfinished" and finding.where == where for finding in findings):
            mended = _finished(mended, spec)
        return _trim(mended, spec)

    changes: dict[str, object] = {}
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        if isinstance(value, str):
            changes[name] = mend(name, value, spec, name == "body")
        else:
            items = [mend(f"{name}[{i}]", item, spec, False) for i, item in enumerate(value)]
            changes[name] = _select(items, value, by_place, name, spec)
    mended = _name(copy.model_copy(update=changes), brief, channel)
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


def _finished(text: str, spec: FieldSpec) -> str:
    """Leave out the sentence that breaks off, as long as enough remains."""
    spans = sentence_spans(text)
    whole = text[: spans[-1][0]].rstrip() if spans else text
    return whole if spec.min <= spec.measure(whole) else text


def _without_repeats(text: str, spec: FieldSpec) -> str:
    """Leave out clauses that say again what stood before, as long as enough remains."""
    seen: set[str] = set()
    kept = ""
    for start, end in clause_spans(text):
        clause = text[start:end]
        runs = {clause[i : i + _RUN] for i in range(max(1, len(clause) - _RUN + 1))}
        if len(runs & seen) <= len(runs) / 3:
            kept += clause
        elif kept and kept[-1] in _ENDS and clause.rstrip()[-1:] in _STOPS:
            kept = kept.rstrip(_ENDS) + clause.rstrip()[-1:]
        seen |= runs
    kept = kept.rstrip()
    kept = f"{kept.rstrip(_ENDS)}。" if kept[-1:] in _ENDS else kept
    return kept if spec.min <= spec.measure(kept) else text


def _fill_tags(tags: Sequence[str], brief: Brief, spec: FieldSpec) -> tuple[str, ...]:
    """Tags up to the fewest allowed, with what the brief calls the product and says of it."""
    filled = list(tags)
    named = [name for product in brief.products for name in (product.category, product.brand)]
    values = [value for product in brief.products for value in product.attributes.values()]
    for word in (*named, *brief.keywords, brief.industry, *values):
        if len(filled) >= (spec.min_items or 0):
            break
        if word and word not in filled and spec.min <= spec.measure(word) <= spec.max and not re.search(r"\W", word):
            filled.append(word)
    return tuple(filled)


def _name(copy: AdCopy, brief: Brief, channel: Channel) -> AdCopy:
    """Say the keywords that are missing; fill tags and a title that is too short with what the brief says."""
    for word in brief.keywords:
        if word not in copy.plain_text():
            copy = _with_word(copy, word, channel)
    if "tags" in channel.fields:
        copy = copy.model_copy(update={"tags": _fill_tags(copy.tags, brief, channel.fields["tags"])})
    title = channel.fields.get("title")
    if title is not None and copy.title and title.measure(copy.title) < title.min:
        product = brief.products[0]
        longer = (f"{copy.title}｜{word}" for word in (*brief.keywords, product.category, product.name) if word)
        fitting = (text for text in longer if title.min <= title.measure(text) <= title.max)
        copy = copy.model_copy(update={"title": next(fitting, copy.title)})
    return copy


def _with_word(copy: AdCopy, word: str, channel: Channel) -> AdCopy:
    """The copy with a keyword where there is room: as a tag, after the title, before the text, in a point."""
    tags = channel.fields.get("tags")
    if tags is not None:
        kept = copy.tags[: (tags.max_items or len(copy.tags) + 1) - 1]
        return copy.model_copy(update={"tags": (word, *kept)})
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        if name == "points" and value:
            at = min(range(len(value)), key=lambda i: spec.measure(value[i]))
            if spec.measure(text := f"{word}，{value[at]}") <= spec.max:
                return copy.model_copy(update={name: (*value[:at], text, *value[at + 1 :])})
        elif isinstance(value, str) and value:
            text = f"{value}｜{word}" if name == "title" else f"{word}，{value}"
            if spec.measure(text) <= spec.max:
                return copy.model_copy(update={name: text})
    return copy


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
