"""The rules of advertising law as data: what a rule says, how the files under rules/ are read, how two sets differ.

Knows how a rule is written, not how a copy is checked (compliance.py). Files: one TOML table a family with [defaults]
and [[rule]]; words.toml names the word classes that patterns speak of as <disease>; scopes.toml tells which goods fall
under which law.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from copygen.errors import PromptDataError
from copygen.finding import Severity
from copygen.fold import RULES, fold
from copygen.literals import required_literals

Label = Literal[
    "absolute_term",
    "medical_claim",
    "false_urgency",
    "superstition",
    "unfair_comparison",
    "other_illegal",
    "contact_info",
    "injection",
    "unverified_citation",
    "blocked_word",
]
BREAKS = ",。!?;\\n|"
"""Characters of folded text that end a clause."""
_CLASSES = frozenset({"words.toml", "scopes.toml"})
"""What every rule set has beside its rules."""
_NOT_RULES = _CLASSES | {"fold.toml"}
_CLASS = re.compile(r"(?<!P)<([a-z_|]+)(\??)>")
_GAP = re.compile(r"<\.\.(\d+)>")


class Rule(BaseModel):
    """One thing the law forbids to say, where it does not apply, and what to write instead."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    version: int = Field(ge=1)
    label: Label
    severity: Severity = "error"
    target: Literal["copy", "field"] = "copy"
    """What it reads: the copy, or the merchant's fields (hidden instructions)."""
    law: str
    article: str
    source: str
    date_checked: date
    scope: tuple[str, ...] = ()
    """Kinds of goods (scopes.toml) the rule is for; empty: all."""
    not_scope: tuple[str, ...] = ()
    terms: tuple[str, ...] = ()
    patterns: tuple[str, ...] = ()
    """Regular expressions over folded text; <name> is a word class that must occur, <name?> one that may, <a|b> one of
    two, <..8> a gap of up to 8 characters within the clause; a group `what` names the thing that is promised."""
    unless: tuple[str, ...] = ()
    """Context in which the words are legal: a match that covers the finding lifts it."""
    negatable: bool = True
    """Legal when the clause denies it just before: 不搞限时, 不敢说第一."""
    names: bool = False
    """Legal inside a longer given name or value: 顶级域名, 冠军8号."""
    basis: tuple[str, ...] = ()
    """Legal when one of these is in what the merchant gave and the numbers and things promised are too."""
    basis_scope: tuple[str, ...] = ()
    """Kinds of goods whose given text may be a basis; empty: all."""
    extend: Literal["", "clause", "sentence"] = ""
    """How much is struck out: the words, their clause, or their sentence."""
    reason: str
    """For the merchant; {text} is the fragment."""
    fix: str = ""
    """Replacement; empty: strike out."""
    proof: str = ""
    pass_: tuple[str, ...] = Field(alias="pass", min_length=1)
    """Texts this rule must not find anything in."""
    fail: tuple[str, ...] = Field(min_length=1)
    """Texts this rule must find something in."""
    example: dict[str, str] = Field(default_factory=dict)
    """name, category and attributes of the product the examples speak of."""

    @model_validator(mode="after")
    def _finds_something(self) -> "Rule":
        if not self.terms and not self.patterns:
            raise ValueError(f"{self.id}: needs terms or patterns")
        return self


@dataclass(frozen=True, slots=True)
class Pattern:
    """A compiled pattern, and the sets of word classes of which it needs one each to match."""

    regex: re.Pattern[str]
    needs: frozenset[frozenset[str]]

    def possible(self, present: set[str]) -> bool:
        """Whether it can match a text in which words of these classes occur."""
        return not any(need.isdisjoint(present) for need in self.needs)


@dataclass(frozen=True, slots=True, eq=False)
class RuleSet:
    """Everything read from one folder, compiled; compared by identity."""

    rules: tuple[Rule, ...]
    patterns: Mapping[str, tuple[Pattern, ...]]
    """By rule id."""
    unless: Mapping[str, tuple[re.Pattern[str], ...]]
    basis: Mapping[str, tuple[re.Pattern[str], ...]]
    words: Mapping[str, frozenset[str]]
    """Word classes, folded: those of words.toml, and the literals without which a pattern cannot match."""
    negator: re.Pattern[str]
    """What denies the words it reaches: 不是, 不敢保证."""
    scopes: Mapping[str, re.Pattern[str]]
    version: str

    def only(self, rule_id: str) -> "RuleSet":
        """The same set with one rule: what that rule alone finds."""
        return replace(self, rules=(self.by_id()[rule_id],))

    def by_id(self) -> dict[str, Rule]:
        return {rule.id: rule for rule in self.rules}


@dataclass(frozen=True, slots=True)
class RuleDiff:
    """What changed between two folders of rules, by rule id."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    changed: tuple[str, ...]


def _read(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PromptDataError(str(error), path=str(path)) from error


def _read_rules(path: Path) -> list[Rule]:
    data = _read(path)
    defaults = data.get("defaults")
    records = data.get("rule")
    if not isinstance(defaults, dict) or not isinstance(records, list):
        raise PromptDataError("expected [defaults] and [[rule]]", path=str(path))
    rules = []
    for record in records:
        merged = {**defaults, **record, "unless": [*defaults.get("unless", []), *record.get("unless", [])]}
        try:
            rules.append(Rule.model_validate(merged))
        except ValidationError as error:
            first = error.errors()[0]
            field = ".".join(map(str, first["loc"])) or "rule"
            raise PromptDataError(f"{record.get('id', '?')}: {field}: {first['msg']}", path=str(path)) from error
    return rules


def _expand(pattern: str, words: Mapping[str, frozenset[str]], path: Path, *, lazy: bool = True) -> Pattern:
    """Compile a pattern; gaps are lazy where the shortest finding is wanted, greedy where context must cover it."""
    needs = set()

    def word_class(match: re.Match[str]) -> str:
        names = match[1].split("|")
        if unknown := [name for name in names if name not in words]:
            raise PromptDataError(f"pattern {pattern!r}: no word class <{unknown[0]}> in words.toml", path=str(path))
        if not match[2]:
            needs.add(frozenset(names))
        every = {word for name in names for word in words[name]}
        return "(?:" + "|".join(map(re.escape, sorted(every, key=lambda w: (-len(w), w)))) + ")"

    text = _GAP.sub(lambda m: f"[^{BREAKS}]{{0,{m[1]}}}{'?' * lazy}", pattern)
    text = _CLASS.sub(word_class, text)
    try:
        return Pattern(re.compile(text, re.MULTILINE), frozenset(needs))
    except re.error as error:
        raise PromptDataError(f"pattern {pattern!r}: {error}", path=str(path)) from error


@lru_cache(maxsize=8)
def load_rules(folder: Path = RULES) -> RuleSet:
    """Read and compile a folder of rules.

    Raises:
        PromptDataError: A file cannot be read, or a rule lacks a field, has a broken pattern or a doubled id.
    """
    paths = sorted(folder.glob("*.toml"))
    if not folder.is_dir():
        raise PromptDataError("no such folder; expected one with the files of copygen/rules", path=str(folder))
    if missing := _CLASSES - {path.name for path in paths}:
        raise PromptDataError(f"not a rule set: no {', '.join(sorted(missing))}", path=str(folder))
    classes = _read(folder / "words.toml")
    words = {name: frozenset(fold(word).text for word in _texts(value)) for name, value in classes.items()}
    scopes = {name: _scope(name, value, folder) for name, value in _read(folder / "scopes.toml").items()}
    rules: list[Rule] = []
    for path in paths:
        if path.name not in _NOT_RULES:
            rules += _read_rules(path)
    if not rules:
        raise PromptDataError("not a rule set: no file with [[rule]]", path=str(folder))
    seen: set[str] = set()
    for rule in rules:
        if rule.id in seen:
            raise PromptDataError(f"rule id {rule.id} occurs twice", path=str(folder))
        if unknown := {*rule.scope, *rule.not_scope, *rule.basis_scope} - scopes.keys():
            raise PromptDataError(f"{rule.id}: no scope {min(unknown)} in scopes.toml", path=str(folder))
        seen.add(rule.id)
    digest = hashlib.sha256()
    for path in paths:
        digest.update(path.name.encode() + b"\0" + path.read_bytes() + b"\0")

    def compiled(patterns: tuple[str, ...]) -> tuple[re.Pattern[str], ...]:
        return tuple(_expand(pattern, words, folder, lazy=False).regex for pattern in patterns)

    def searched(pattern: str) -> Pattern:
        found = _expand(pattern, words, folder)
        literals = required_literals(found.regex) if not found.needs else frozenset()
        if not literals:
            return found
        name = "|".join(sorted(literals))
        words[name] = literals
        return replace(found, needs=frozenset({frozenset({name})}))

    return RuleSet(
        rules=tuple(rules),
        patterns={rule.id: tuple(searched(pattern) for pattern in rule.patterns) for rule in rules},
        unless={rule.id: compiled(rule.unless) for rule in rules},
        basis={rule.id: compiled(rule.basis) for rule in rules},
        words=words,
        negator=_expand(r"<negator>", words, folder).regex,
        scopes=scopes,
        version=digest.hexdigest()[:12],
    )


def _scope(name: str, value: object, folder: Path) -> re.Pattern[str]:
    try:
        return re.compile("|".join(_texts(value)))
    except re.error as error:
        raise PromptDataError(f"scope {name}: {error}", path=str(folder / "scopes.toml")) from error


def _texts(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else [str(value)]


def rules_version(folder: Path = RULES) -> str:
    """First 12 hex digits of the SHA-256 of all rule files: stamped on results, changes with any edit."""
    return load_rules(folder).version


def diff_rules(old: Path, new: Path) -> RuleDiff:
    """Which rules were added, removed or changed in any way between two folders."""
    before, after = load_rules(old).by_id(), load_rules(new).by_id()
    return RuleDiff(
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        changed=tuple(sorted(key for key in before.keys() & after.keys() if before[key] != after[key])),
    )
