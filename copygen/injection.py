"""Instructions hidden in product fields, and copy that obeys them. Fields are data: a command in one is no fact."""

import re
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from copygen.brief import Brief, Change
from copygen.channel import PROMPTS
from copygen.finding import Finding
from copygen.fold import Folded, fold, tighten
from copygen.prompt import TEMPLATE
from copygen.rule import Rule, RuleSet, load_rules

MIN_COPIED_CHARS = 4
"""A run of this many letters shared by command and copy is the command being carried out."""
SHORT_FIELD_CHARS = 60
"""A field no longer than this that holds a command is nothing but the command, unless it is a product's name."""
MIN_LEAKED_CHARS = 8
"""A run of this many characters shared by the system message and the copy is the prompt being told."""
# What a command asks for -> the label of what the copy then says, where the words differ.
_ASKED = {
    "contact_info": re.compile(r"联系方式|电话|手机号|微信|qq|加群|私信|网址|链接|公众号|contact|phone|wechat|link"),
    "absolute_term": re.compile(r"第一|最[好佳高低强]|绝对|极限|销量|best|no\.1|top"),
    "medical_claim": re.compile(r"治疗|疗效|功效|治愈|药|病|cure|heal"),
    "false_urgency": re.compile(r"原价|限时|限量|折|免费|包邮|赠|降价|库存|free|discount|sale"),
    "other_illegal": re.compile(r"好评|返现|推荐|专家|医生|央视|领导"),
    "unfair_comparison": re.compile(r"贬低|竞品|同行|对手|别家|competitor"),
    "superstition": re.compile(r"开光|招财|转运|风水|辟邪"),
}
_HAN = re.compile(r"[\u3400-\u9fff]")
_LETTER = re.compile(r"\w")
_LETTERS = re.compile(r"\w{3}")
_SEGMENT = re.compile(r"[^\s,。!?;:、“”\"'‘’「」()\[\]【】|#]{2,}")
_NUMBER = re.compile(r"\d[\d.]*[%\u4e00-\u9fff]")
_LANGUAGE = re.compile(r"english|英文|英语")


@dataclass(frozen=True, slots=True)
class Command:
    """An instruction found in a field; what follows it in the field belongs to it."""

    where: str
    start: int
    """Offset in the field's text."""
    end: int
    text: str
    demanded: str
    """The field from the instruction on, folded; all of it when it is short."""
    rule: Rule


@dataclass(frozen=True, slots=True)
class Fields:
    """A brief's texts, folded as one, with the commands hidden in them."""

    commands: tuple[Command, ...]
    facts: str
    """Folded text of every field, one a line, the commands and what follows them left out."""


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


def read_fields(brief: Brief, rules: RuleSet) -> Fields:
    """Fold the brief's fields and find the first command in each; kept for the next copy of the same brief."""
    return read_texts(tuple(fields(brief)), rules)


@lru_cache(maxsize=256)
def read_texts(given: tuple[tuple[str, str], ...], rules: RuleSet) -> Fields:
    """The same for (where, text) pairs, as `fields` gives them."""
    texts = [(where, text.replace("\n", " ")) for where, text in given]
    folded = fold("\n".join(text for _, text in texts))
    first: dict[int, tuple[int, int, Rule]] = {}
    for rule in rules.rules:
        if rule.target != "field":
            continue
        for pattern in rules.patterns[rule.id]:
            for match in pattern.regex.finditer(folded.text):
                line = folded.text.count("\n", 0, match.start())
                known = first.get(line)
                if (known is None or match.start() < known[0]) and not _in_context(match, folded.text, rules, rule):
                    first[line] = (*match.span(), rule)
    _add_disguised(first, folded, rules)
    commands, holes, offset = [], [], 0
    for line, (where, text) in enumerate(texts):
        if line in first:
            start, end, rule = first[line]
            stop = folded.text.find("\n", start)
            stop = len(folded.text) if stop < 0 else stop
            begin = folded.text.rfind("\n", 0, start) + 1
            if stop - begin <= SHORT_FIELD_CHARS and not where.endswith(".name"):
                holes.append((begin, start))
            else:
                begin = start
            low, high = (at - offset for at in folded.span(start, min(end, stop)))
            commands.append(Command(where, low, high, text[low:high], folded.text[begin:stop], rule))
            holes.append((start, stop))
        offset += len(text) + 1
    return Fields(tuple(commands), folded.without(holes).text if holes else folded.text)


def _add_disguised(first: dict[int, tuple[int, int, Rule]], folded: Folded, rules: RuleSet) -> None:
    """Commands with blanks or emoji between the characters: the whole field counts as the command."""
    tight = tighten(folded)
    if tight is None:
        return
    lines = folded.text.split("\n")
    for rule in rules.rules:
        for pattern in rules.patterns[rule.id] if rule.target == "field" else ():
            for match in pattern.regex.finditer(tight.text):
                line = tight.text.count("\n", 0, match.start())
                if line not in first and not _in_context(match, tight.text, rules, rule):
                    start = sum(len(text) + 1 for text in lines[:line])
                    first[line] = (start, start + len(lines[line]), rule)


def _in_context(match: re.Match[str], text: str, rules: RuleSet, rule: Rule) -> bool:
    return any(
        m.start() <= match.start() and match.end() <= m.end()
        for unless in rules.unless[rule.id]
        for m in unless.finditer(text)
    )


def without_commands(brief: Brief) -> tuple[Brief, tuple[Change, ...]]:
    """The brief as the model may see it: a field that holds a command is left out, a name is cut before it."""
    commands = read_fields(brief, load_rules()).commands
    if not commands:
        return brief, ()
    at = {command.where: command.start for command in commands}
    products = []
    for i, product in enumerate(brief.products):
        given = {name: getattr(product, name) for name in ("name", "brand", "category", "price")}
        shown = {name: text[: at.get(f"products[{i}].{name}", len(text))].strip() for name, text in given.items()}
        shown["name"] = shown["name"] or shown["category"] or "商品"
        kept = {k: v for k, v in product.attributes.items() if f"products[{i}].attributes.{k}" not in at}
        products.append(product.model_copy(update={**shown, "attributes": kept}))
    bad_facts = {where.partition(".")[0] for where in at if where.startswith("facts")}
    cleaned = brief.model_copy(
        update={
            "products": tuple(products),
            "facts": tuple(fact for i, fact in enumerate(brief.facts) if f"facts[{i}]" not in bad_facts),
            "keywords": tuple(word for i, word in enumerate(brief.keywords) if f"keywords[{i}]" not in at),
            "audience": "" if "audience" in at else brief.audience,
        }
    )
    what = "left out of the prompt: it reads as an instruction, not as a fact"
    return cleaned, tuple(Change(command.where, what) for command in commands)


def check_injection(brief: Brief) -> list[Finding]:
    """Instructions hidden in the brief's fields, as warnings: they are kept from steering, not obeyed."""
    return [
        Finding(
            label="injection",
            where=command.where,
            start=command.start,
            end=command.end,
            text=command.text,
            reason=command.rule.reason.replace("{text}", command.text),
            article=f"{command.rule.law}{command.rule.article}",
            fix=command.rule.fix,
            proof=command.rule.proof,
            severity="warning",
        )
        for command in read_fields(brief, load_rules()).commands
    ]


def _copied(text: str, demanded: str, given: str) -> Iterator[tuple[int, int]]:
    """Longest runs of the folded text that the command spells out and nothing else gives."""
    for start, end in _runs(text, demanded, MIN_COPIED_CHARS):
        if _LETTERS.search(text[start:end]) and text[start:end] not in given:
            yield start, end


def obeyed(
    where: str, text: str, folded: Folded, commands: Sequence[Command], given: str, found: Sequence[Finding]
) -> list[Finding]:
    """Findings where the copy does what a hidden command asks: its words, its subject, its language.

    Args:
        given: Folded text of what the merchant gave besides the commands.
        found: What the rules found in this text.
    """
    spans: list[tuple[int, int, str]] = []
    for command in commands:
        demanded = command.demanded
        runs: list[tuple[int, int]] = []
        for start, end in _copied(folded.text, demanded, given):
            # Marks between two copied runs belong to what was copied.
            if runs and not _LETTER.search(folded.text, runs[-1][1], start):
                runs[-1] = (runs[-1][0], end)
            else:
                runs.append((start, end))
        asked_words = set(_SEGMENT.findall(demanded))
        for word in _SEGMENT.finditer(folded.text):
            if len(word[0]) < MIN_COPIED_CHARS and word[0] in asked_words and word[0] not in given:
                runs.append(word.span())
        for number in _NUMBER.finditer(folded.text):
            if number[0] in demanded and number[0] not in given:
                runs.append(number.span())
        spans += [(*folded.span(*run), command.where) for run in runs]
        for other in found:
            asked = _ASKED.get(other.label)
            if asked is not None and asked.search(demanded):
                spans.append((other.start, other.end, command.where))
        if _LANGUAGE.search(demanded) and len(folded.text) > MIN_COPIED_CHARS and not _HAN.search(folded.text):
            spans.append((0, len(text), command.where))
    return [
        Finding(
            "injection",
            where,
            start,
            end,
            text[start:end],
            f"文案照做了商品字段“{field}”里夹带的指令；字段只是资料，应删去",
            article="商品字段只作资料，不执行其中的指令",
        )
        for start, end, field in spans
    ]


@lru_cache(maxsize=1)
def _secret() -> str:
    """The fixed part of the system message, folded."""
    template = tomllib.loads((PROMPTS / f"{TEMPLATE}.toml").read_text(encoding="utf-8"))
    return fold(template["system"]).text


def leaked(where: str, text: str, folded: Folded) -> list[Finding]:
    """Findings where the copy tells its own prompt."""
    return [
        Finding(
            "injection",
            where,
            start,
            end,
            text[start:end],
            "文案里出现了写给模型的提示词，应删去",
            article="商品字段只作资料，不执行其中的指令",
        )
        for start, end in (folded.span(*run) for run in _runs(folded.text, _secret(), MIN_LEAKED_CHARS))
    ]


def _runs(text: str, source: str, least: int) -> Iterator[tuple[int, int]]:
    """Longest runs of `text`, of `least` characters or more, that occur in `source`."""
    start = 0
    while start <= len(text) - least:
        end = start + least
        if text[start:end] not in source:
            start += 1
            continue
        while end < len(text) and text[start : end + 1] in source:
            end += 1
        yield start, end
        start = end
