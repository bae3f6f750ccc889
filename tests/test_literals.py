"""The literals a pattern needs: told where they can be, and never missing from a text the pattern matches."""

import re

import pytest

from copygen.literals import required_literals
from copygen.rule import load_rules


@pytest.mark.parametrize(
    ("pattern", "literals"),
    [
        ("第一", {"第一"}),
        ("(?:全网|全国)(?:第一|领先)", {"全网第一", "全网领先", "全国第一", "全国领先"}),
        (r"买\d+送", {"买"}),
        ("(?:根治|治好)?糖尿病", {"糖尿病", "根治糖尿病", "治好糖尿病"}),
        ("(?<!不)一洗(?:就|即)白", {"一洗就白", "一洗即白"}),
        ("保证(?P<what>.{2,8}?)不反弹", {"不反弹"}),
        ("(?:药到病除)+", {"药到病除"}),
        (r"\d{11}", set()),
        ("特价|[^。]", set()),
        ("(?:包邮)*", set()),
    ],
)
def test_what_any_match_must_hold(pattern: str, literals: set[str]) -> None:
    found = required_literals(re.compile(pattern))
    assert found == literals


def test_no_rule_of_ours_matches_a_text_without_its_literals() -> None:
    rules = load_rules()
    texts = [text for rule in rules.rules for text in (*rule.fail, *rule.pass_)]
    matched = 0
    for rule in rules.rules:
        for pattern in rules.patterns[rule.id]:
            literals = required_literals(pattern.regex)
            for text in texts:
                if match := pattern.regex.search(text):
                    matched += 1
                    assert not literals or any(literal in match[0] for literal in literals), (rule.id, text)
    assert matched > 300
