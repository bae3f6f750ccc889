"""Instructions hidden in product fields, and copy that obeys them. Fields are data: a command in one is no fact."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from copygen.brief import Brief
from copygen.finding import Finding
from copygen.fold import Folded, fold
from copygen.rule import Rule, RuleSet, load_rules

MIN_COPIED_CHARS = 4
"""A run of this many letters shared by command and copy is the command being carried out."""
# What a command asks for -> the label of what the copy then says, where the words differ.
_ASKED = {
    "contact_info": re.compile(r"联系方式|电话|手机号|微信|qq|加群|私信|网址|链接|公众号|contact|phone|wechat|link|url"),
    "absolute_term": re.compile(r"第一|最[好佳高低强]|绝对|极限|销量|best|no\.1|top"),
    "medical_claim": re.compile(r"治疗|疗效|功效|治愈|药|病|cure|heal"),
    "false_urgency": re.compile(r"原价|限时|限量|折|免费|包邮|赠|降价|库存|free|discount|sale"),
    "other_illegal": re.compile(r"好评|返现|推荐|专家|医生|央视|领导"),
    "unfair_comparison": re.compile(r"贬低|竞品|同行|对手|别家|competitor"),
    "superstition": re.compile(r"开光|招财|转运|风水|辟邪"),
}
_HAN = re.compile(r"[\u3400-\u9fff]")
_LANGUAGE = re.compile(r"english|英文|英语")


@dataclass(frozen=True, slots=True)
class Command:
    """An instruction found in a field; it runs from `start` to the field's end."""

    where: str
    text: str
    start: int
    end: int
    rule: Rule

    @property
    def demanded(self) -> str:
        return fold(self.text[self.start :]).text


def fields(brief: Brief) -> Iterator[tuple[str, str]]:
    """(where, text) of every text a merchant can put something into."""
    for i, product in enumerate(brief.products):
        for name in ("name", "brand", "category", "price"):
            yield f"products[{i}].{name}", getattr(product, name)
        for key, value in product.attributes.items():
            yield f"products[{i}].attributes.{key}", value
    for i, fact in enumerate(brief.facts):
        for name in ("subject", "relation", "object"):
            yield f"facts[{i}].{name}", getattr(fact, name)
    for i, keyword in enumerate(brief.keywords):
        yield f"keywords[{i}]", keyword
    yield "audience", brief.audience


def commands(brief: Brief, rules: RuleSet) -> tuple[Command, ...]:
    """The first command of each field."""
    found = []
    field_rules = [rule for rule in rules.rules if rule.target == "field"]
    for where, text in fields(brief):
        folded = fold(text)
        first: Command | None = None
        for rule in field_rules:
            for pattern in rules.patterns[rule.id]:
                for match in pattern.regex.finditer(folded.text):
                    if any(
                        m.start() <= match.start() and match.end() <= m.end()
                        for unless in rules.unless[rule.id]
                        for m in unless.finditer(folded.text)
                    ):
                        continue
                    start, end = folded.span(*match.span())
                    if first is None or start < first.start:
                        first = Command(where, text, start, end, rule)
        if first is not None:
            found.append(first)
    return tuple(found)


def check_injection(brief: Brief) -> list[Finding]:
    """Instructions hidden in the brief's fields, as warnings: they are kept from steering, not obeyed."""
    return [
        Finding(
            label="injection",
            where=command.where,
            start=command.start,
            end=command.end,
            text=command.text[command.start : command.end],
            reason=command.rule.reason.replace("{text}", command.text[command.start : command.end]),
            article=f"{command.rule.law}{command.rule.article}",
            fix=command.rule.fix,
            proof=command.rule.proof,
            severity="warning",
        )
        for command in commands(brief, load_rules())
    ]


def _copied(text: str, demanded: str) -> Iterator[tuple[int, int]]:
    """Longest runs of the folded text that the command spells out."""
    start = 0
    while start <= len(text) - MIN_COPIED_CHARS:
        end = start + MIN_COPIED_CHARS
        if text[start:end] not in demanded:
            start += 1
            continue
        while end < len(text) and text[start : end + 1] in demanded:
            end += 1
        yield start, end
        start = end


def obeyed(
    where: str, text: str, folded: Folded, commands: Sequence[Command], found: Sequence[Finding]
) -> Iterator[Finding]:
    """Findings where the copy does what a hidden command asks: its words, its subject, its language."""

    def finding(start: int, end: int, command: Command) -> Finding:
        reason = f"文案照做了商品字段“{command.where}”里夹带的指令，字段只是资料，应删去"
        return Finding("injection", where, start, end, text[start:end], reason)

    for command in commands:
        demanded = command.demanded
        runs = list(_copied(folded.text, demanded))
        merged: list[tuple[int, int]] = []
        for start, end in runs:
            # Commas between two copied runs belong to what was copied.
            if merged and not re.search(r"[\w]", folded.text[merged[-1][1] : start]):
                merged[-1] = (merged[-1][0], end)
            else:
                merged.append((start, end))
        for start, end in merged:
            if re.search(r"\w{3}", folded.text[start:end]):
                yield finding(*folded.span(start, end), command)
        for other in found:
            asked = _ASKED.get(other.label)
            if asked is not None and asked.search(demanded):
                yield finding(other.start, other.end, command)
        if _LANGUAGE.search(demanded) and len(folded.text) > MIN_COPIED_CHARS and not _HAN.search(folded.text):
            yield finding(0, len(text), command)
