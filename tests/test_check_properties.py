"""What holds of every check, whatever the text: no crash, exact spans, the same answer twice, fixes that fix."""

import json
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, Product
from copygen.channel import get_channel
from copygen.check import CheckReport, check_copy, check_text
from copygen.finding import Finding
from copygen.repair import repair
from copygen.rule import load_rules

DATA = Path(__file__).parent / "data"
BRIEF = Brief(
    products=(
        Product(
            name="山隙 白毫银针",
            brand="山隙",
            category="白茶",
            attributes={"净含量": "50g", "产地": "福建福鼎", "等级": "特级", "冲泡": "85-90℃水", "包装": "铁罐"},
            price="168元",
        ),
    ),
    channel="note",
)
SAYINGS = [
    *(text for rule in load_rules().rules if rule.target == "copy" for text in rule.fail[:2]),
    *(json.loads(line)["text"] for line in (DATA / "evidence_cases.jsonl").read_text("utf-8").splitlines()),
]
"""Texts that are full of what the checks look for."""

any_text = st.text(st.characters(), max_size=120)  # every code point, lone surrogates too
telling_text = st.lists(st.one_of(st.sampled_from(SAYINGS), st.text(max_size=12)), max_size=4).map("，".join)
texts = st.one_of(any_text, telling_text)


def spans_are_exact(findings: tuple[Finding, ...], pieces: dict[str, str]) -> bool:
    return all(
        finding.text == pieces.get(finding.where, "")[finding.start : finding.end]
        and 0 <= finding.start <= finding.end <= len(pieces.get(finding.where, ""))
        for finding in findings
    )


@given(texts)
@example("")
@example("\ud800\udfff")
@example("𠮷野家１２３℃½①⑩")
@example("1" * 400)
@example("半" * 200)
@example("，" * 300 + "两两两两")
@settings(max_examples=150, deadline=None)
def test_any_text_is_checked_with_exact_spans_and_the_same_answer_twice(text: str) -> None:
    report = check_text(text, BRIEF)
    assert spans_are_exact(report.findings, {"text": text})
    assert check_text(text, BRIEF) == report
    assert all(f.reason and f.start < f.end for f in report.findings)


@given(texts)
@settings(max_examples=50, deadline=None)
def test_without_a_product_law_alone_is_checked(text: str) -> None:
    report = check_text(text, None)
    assert report.evidence.clauses == () and spans_are_exact(report.findings, {"text": text})


@given(title=texts, body=texts, points=st.lists(texts, max_size=4), tags=st.lists(texts, max_size=3))
@settings(max_examples=50, deadline=None)
def test_any_copy_is_checked_and_repaired(title: str, body: str, points: list[str], tags: list[str]) -> None:
    copy = AdCopy(title=title, body=body, points=tuple(points), tags=tuple(tags))
    channel = get_channel("note")
    report = check_copy(copy, BRIEF, channel)
    fields = [finding for finding in report.findings if finding.end]
    assert spans_are_exact(tuple(fields), dict(copy.texts()))
    assert check_copy(copy, BRIEF, channel) == report
    repair(copy, report.findings, BRIEF, channel)  # and mending what was found never raises


@given(texts)
@settings(max_examples=80, deadline=None)
def test_clauses_are_in_order_and_slice_the_text(text: str) -> None:
    clauses = check_text(text, BRIEF).evidence.clauses
    assert all(clause.text == text[clause.start : clause.end] for clause in clauses)
    assert all(a.end <= b.start for a, b in pairwise(clauses))


def mended(text: str, finding: Finding) -> CheckReport:
    return check_text(text[: finding.start] + finding.fix + text[finding.end :], BRIEF)


@pytest.mark.parametrize("text", SAYINGS)
def test_a_fix_silences_its_finding(text: str) -> None:
    for finding in check_text(text, BRIEF).findings:
        if not finding.fix:
            continue
        end = finding.start + len(finding.fix)
        again = [
            other.text
            for other in mended(text, finding).findings
            if other.label == finding.label and other.start < end and finding.start < other.end
        ]
        assert again == [], f"{finding.text} -> {finding.fix}"


@pytest.mark.parametrize("text", SAYINGS)
def test_striking_out_every_finding_leaves_fewer(text: str) -> None:
    findings = check_text(text, BRIEF).findings
    left = text
    for finding in sorted(findings, key=lambda f: (f.start, f.end), reverse=True):
        if left[finding.start : finding.end] == finding.text:
            left = left[: finding.start] + finding.fix + left[finding.end :]
    assert not findings or len(check_text(left, BRIEF).findings) < len(findings)
