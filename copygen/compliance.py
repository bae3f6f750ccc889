"""Does a copy break advertising law or a merchant's own word list: rules -> findings with article, fix and proof.

Reads disguised writing through fold.py, applies the rules of rules/*.toml to the kind of goods at hand, and lifts what
the law allows in context: grades, registered names, specs, self-comparison, offers the merchant gave. Knows nothing of
numbers and features without support (evidence.py) nor of lengths (limits.py).
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace

from copygen.brief import Brief
from copygen.finding import Finding
from copygen.fold import Folded, fold, tighten
from copygen.given import Given
from copygen.injection import leaked, obeyed
from copygen.rule import BREAKS, RuleSet, load_rules
from copygen.rule_search import Hit, hits

_BREAK = frozenset(BREAKS.replace("\\n", "\n"))
_STOP = frozenset("。!?;\n|")
_OWN = re.compile(r"我家|我们|咱|自家|本店|本品|还是[我这]|这[款只双台件瓶床]|不如(?:试|看|来)")
_WORD_CHAR = re.compile(r"[\u3400-\u9fffa-z0-9]")


def _lifted(hit: Hit, rules: RuleSet, given: Given | None, allowed: Sequence[str]) -> bool:
    """Whether context makes the words legal."""
    text = hit.view.text
    near = text[max(0, hit.start - 30) : hit.end + 30]
    offset = max(0, hit.start - 30)

    def covered(start: int, end: int) -> bool:
        return offset + start <= hit.start and hit.end <= offset + end

    for word in allowed:
        if any(covered(m.start(), m.end()) for m in re.finditer(re.escape(word), near)):
            return True
    for pattern in rules.unless[hit.rule.id]:
        if any(covered(m.start(), m.end()) for m in pattern.finditer(near)):
            return True
    if hit.rule.negatable and _denied(hit, rules):
        return True
    if given is None:
        return False
    if hit.rule.names and _inside_name(hit, given):
        return True
    return bool(hit.rule.basis) and _has_basis(hit, rules, given)


def _denied(hit: Hit, rules: RuleSet) -> bool:
    """A negator stands at most 4 characters before the words in their clause, or runs into them: 不保证提分."""
    text = hit.view.text
    from_ = max(0, hit.start - 12)
    for match in rules.negator.finditer(text, from_, min(len(text), hit.start + 4)):
        between = text[match.end() : hit.start]
        if match.start() < hit.start and len(between) <= 4 and _BREAK.isdisjoint(between):
            return True
    return False


def _inside_name(hit: Hit, given: Given) -> bool:
    """The words stand inside a longer name the merchant gave, and the copy shows that name: 顶级 in 顶级域名."""
    text = hit.view.text
    word = hit.text.replace(" ", "")
    before = text[: hit.start].rstrip()[-1:]
    after = text[hit.end :].lstrip()[:1]
    return any(
        _WORD_CHAR.match(near) is not None and longer in given.names
        for near, longer in ((before, before + word), (after, word + after))
        if near
    )


def _has_basis(hit: Hit, rules: RuleSet, given: Given) -> bool:
    rule = hit.rule
    if rule.basis_scope and given.scopes.isdisjoint(rule.basis_scope):
        return False
    if hit.text in given.text:
        return True
    if not any(pattern.search(given.text) for pattern in rules.basis[rule.id]):
        return False
    return given.supports(hit.text, hit.what)


def _extended(hit: Hit) -> tuple[int, int]:
    """The span to strike out, in folded characters."""
    text, start, end = hit.view.text, hit.start, hit.end
    if not hit.rule.extend:
        return start, end
    while start and text[start - 1] not in _BREAK:
        start -= 1
    while end < len(text) and text[end] not in _BREAK:
        end += 1
    if (start, end) == (0, len(text)):
        # A text without any mark is a title: the words are struck out, not the title.
        return hit.start, hit.end
    if hit.rule.extend == "sentence":
        while end < len(text) and text[end] not in _STOP:
            stop = next((i for i in range(end + 1, len(text)) if text[i] in _BREAK), len(text))
            if _OWN.search(text[end + 1 : stop]):
                break
            end = stop
    while start < end and not _WORD_CHAR.match(text[start]):
        start += 1
    while end > start and not _WORD_CHAR.match(text[end - 1]):
        end -= 1
    return start, end


def _finding(hit: Hit, where: str, text: str, unknown: bool) -> Finding:
    start, end = hit.view.span(*_extended(hit))
    rule, fragment = hit.rule, text[start:end]
    # Without the merchant's data nobody can say that an offer has no basis.
    soft = unknown and bool(rule.basis) and not rule.basis_scope
    return Finding(
        label=rule.label,
        where=where,
        start=start,
        end=end,
        text=fragment,
        reason=rule.reason.replace("{text}", fragment),
        article=f"{rule.law}{rule.article}",
        fix=rule.fix,
        proof=rule.proof,
        severity="warning" if soft else rule.severity,
    )


def _merged(findings: Iterable[Finding], text: str) -> list[Finding]:
    """One finding for findings of one label that overlap: the widest span, the reason of the gravest."""
    kept: list[Finding] = []
    order = sorted(findings, key=lambda f: (f.label, f.start, -f.end, f.severity, f.reason))
    for finding in order:
        last = kept[-1] if kept else None
        if last is None or last.label != finding.label or last.end <= finding.start:
            kept.append(finding)
            continue
        gravest = min(last, finding, key=lambda f: (f.severity != "error", f.start - f.end))
        end = max(last.end, finding.end)
        fix = gravest.fix if (last.start, end) == (gravest.start, gravest.end) else ""
        kept[-1] = replace(gravest, start=last.start, end=end, text=text[last.start : end], fix=fix)
    return sorted(kept, key=lambda f: (f.start, f.end, f.label))


def _blocked(view: Folded, words: Sequence[tuple[str, str]], where: str, text: str) -> Iterator[Finding]:
    for word, folded in words:
        for match in re.finditer(re.escape(folded), view.text):
            start, end = view.span(*match.span())
            reason = f"“{word}”在商家的禁用词表里"
            yield Finding("blocked_word", where, start, end, text[start:end], reason)


def check_compliance(
    pieces: Sequence[tuple[str, str]],
    brief: Brief | None,
    *,
    block: Sequence[str] = (),
    allow: Sequence[str] = (),
    rules: RuleSet | None = None,
) -> list[Finding]:
    """Findings on every piece of a copy, in reading order; spans slice the piece's own text.

    Args:
        pieces: (where, text), as `AdCopy.texts` gives them.
        brief: What the copy was written from: decides the kind of goods and which offers have a basis. None when
            unknown: then only rules for all goods apply and offers are warned of, not refused.
        block: The merchant's own forbidden words.
        allow: Words the merchant answers for; a rule's finding inside one is lifted. Block wins over allow.
        rules: Another edition of the rules than the one that ships, to tell what a change would find.
    """
    rules = rules or load_rules()
    given = Given.of(brief, rules) if brief is not None else None
    blocked = [(word, plain) for word in block if (plain := fold(word).text.strip())]
    findings: list[Finding] = []
    for where, text in pieces:
        folded = fold(text)
        views = _views(folded)
        found = [finding for _, finding in _found(where, text, views, given, rules, allow)]
        for view in views:
            found += _blocked(view, blocked, where, text)
        found += leaked(where, text, folded)
        if given is not None and given.commands:
            found += obeyed(where, text, folded, given.commands, given.text, found)
        findings += _merged(found, text)
    return findings


def found_by_rule(pieces: Sequence[tuple[str, str]], brief: Brief | None, rules: RuleSet) -> list[tuple[str, Finding]]:
    """(rule id, finding) of every rule on its own, unmerged: what a change of the rules is compared by."""
    given = Given.of(brief, rules) if brief is not None else None
    return [
        hit for where, text in pieces for hit in dict.fromkeys(_found(where, text, _views(fold(text)), given, rules))
    ]


def _views(folded: Folded) -> tuple[Folded, ...]:
    """The ways a text is read: as it stands, and without what is put between the characters of a word."""
    tight = tighten(folded)
    return (folded,) if tight is None else (folded, tight)


def _found(
    where: str, text: str, views: Sequence[Folded], given: Given | None, rules: RuleSet, allow: Sequence[str] = ()
) -> Iterator[tuple[str, Finding]]:
    scopes = given.scopes if given is not None else None
    allowed = [plain for word in allow if (plain := fold(word).text.strip())]
    for view in views:
        for hit in hits(rules, view, scopes):
            if not _lifted(hit, rules, given, allowed):
                yield hit.rule.id, _finding(hit, where, text, given is None)
