"""Brief -> messages. The one renderer: training, serving and evaluation all send exactly what `render` returns.

Order is what makes prefix caches hit: fixed text, channel, format, tone and script come first (one system message
shared by every request of that kind), then example dialogues, then audience and phase, and the product last.
"""

import hashlib
import json
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict

from copygen.ad_copy import AdCopy, dump
from copygen.brief import Brief, Lang, Product
from copygen.channel import PROMPTS, Channel, FieldSpec, Tone, get_channel, get_tone
from copygen.chat_model import Message
from copygen.errors import PromptDataError, UnknownChannel

TEMPLATE = "copy.v1"
QUESTION = "verify.v1"
MAX_PRODUCT_CHARS = 900
"""Attribute text that enters the prompt for all products together; what is over is dropped from the end."""
_DULL = (
    "货号",
    "上市时间",
    "执行标准",
    "毛重",
    "包装清单",
    "型号",
    "保质期",
    "貨號",
    "上市時間",
    "執行標準",
    "生产许可证",
)
"""Attributes that seldom sell: the first to go when there is too much."""


class _Template(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    channel: str
    format: str
    tone: str
    lang: dict[Lang, str]
    audience: str
    phase: str
    keywords: str
    avoid: str
    product: str
    products: str
    brand: str
    category: str
    price: str
    attributes: str
    facts: str
    phases: dict[str, str]


class Exemplar(BaseModel):
    """A brief with the copy a good writer made of it."""

    model_config = ConfigDict(frozen=True)

    brief: Brief
    copy_: AdCopy


@dataclass(frozen=True, slots=True)
class RenderedPrompt:
    """What is sent to the model, and what a result is stamped with."""

    messages: tuple[Message, ...]
    prompt_id: str
    """Template, channel and tone with their versions: copy.v1/discover.v1/质感.v1."""
    prompt_hash: str
    """First 12 hex digits of the SHA-256 of the template text, without the brief: the same for every product."""
    dropped: tuple[str, ...] = ()
    """Attributes that did not fit."""


@lru_cache(maxsize=4)
def _template(prompts: Path) -> _Template:
    path = prompts / f"{TEMPLATE}.toml"
    try:
        return _Template.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:  # missing, not UTF-8, not TOML, or a key that is wrong
        raise PromptDataError(str(error), path=str(path)) from error


def phases(prompts: Path = PROMPTS) -> tuple[str, ...]:
    """The campaign phases a brief may name."""
    return tuple(_template(prompts).phases)


def _field_format(name: str, spec: FieldSpec) -> str:
    low, high = (spec.min, spec.max) if spec.unit == "chars" else ((spec.min + 1) // 2, spec.max // 2)
    if name == "points":
        return f"{spec.label}：{_span(spec.min_items, spec.max_items)}条，每条{low}-{high}字"
    if name == "tags":
        return f"{spec.label}：{_span(spec.min_items, spec.max_items)}个"
    return f"{spec.label}：{low}-{high}字"


def _span(low: int | None, high: int | None) -> str:
    return str(low) if low == high else f"{low}-{high}"


def _system(template: _Template, channel: Channel, tone: Tone, lang: Lang) -> str:
    fields = "；".join(_field_format(name, spec) for name, spec in channel.fields.items())
    return "\n".join(
        (
            template.system,
            template.channel.format(name=channel.name, instruction=channel.instruction),
            template.format.format(fields=fields),
            template.tone.format(name=tone.name, instruction=tone.instruction),
            template.lang[lang],
        )
    )


def _fit(products: Sequence[Product]) -> tuple[list[dict[str, str]], list[str]]:
    """The attributes of each product that fit MAX_PRODUCT_CHARS, dull ones dropped first, then from the end."""
    kept = [dict(product.attributes) for product in products]
    size = sum(len(name) + len(value) + 2 for attributes in kept for name, value in attributes.items())
    dropped: list[str] = []
    by_worth = sorted(
        ((name in _DULL, position, which, name) for which, a in enumerate(kept) for position, name in enumerate(a)),
        reverse=True,
    )
    for _, _, which, name in by_worth:
        if size <= MAX_PRODUCT_CHARS:
            break
        size -= len(name) + len(kept[which].pop(name)) + 2
        dropped.append(f"products[{which}].attributes.{name}")
    return kept, dropped


def _about(template: _Template, brief: Brief) -> tuple[list[str], list[str]]:
    """What is known of the products, a line each, and the attributes that did not fit."""
    lines = []
    attributes, dropped = _fit(brief.products)
    for i, product in enumerate(brief.products):
        head = template.product if len(brief.products) == 1 else template.products
        lines.append(head.format(name=product.name, number=i + 1))
        about = [
            getattr(template, key).format(value=value)
            for key in ("brand", "category", "price")
            if (value := getattr(product, key))
        ]
        if about:
            lines.append("；".join(about))
        if attributes[i]:
            pairs = "；".join(f"{name}={value}" for name, value in attributes[i].items())
            lines.append(template.attributes.format(value=pairs))
    if brief.facts:
        triples = "；".join(f"{fact.subject}-{fact.relation}-{fact.object}" for fact in brief.facts)
        lines.append(template.facts.format(value=triples))
    return lines, dropped


def _quoted(lines: Sequence[str]) -> str:
    """One line each: a line break in a value must not open a line that reads like one of ours, nor may a fact of a
    merchant's own graph, which `read_brief` never saw, bring a control token."""
    return "\n".join(line.replace("\n", " ").replace("<|", "< |") for line in lines)


def _user(template: _Template, brief: Brief) -> tuple[str, list[str]]:
    lines = []
    if brief.audience:
        lines.append(template.audience.format(value=brief.audience))
    if brief.phase not in template.phases:
        raise UnknownChannel("phase", brief.phase, list(template.phases))
    lines.append(template.phase.format(name=brief.phase, instruction=template.phases[brief.phase]))
    if brief.keywords:
        lines.append(template.keywords.format(value="、".join(brief.keywords)))
    if brief.avoid:
        lines.append(template.avoid.format(value="、".join(brief.avoid)))
    about, dropped = _about(template, brief)
    return _quoted([*lines, *about]), dropped


def render(brief: Brief, exemplars: Sequence[Exemplar] = (), *, prompts: Path = PROMPTS) -> RenderedPrompt:
    """Render the conversation that asks for one copy.

    Args:
        exemplars: Shown as earlier turns; they must be of the brief's own channel.

    Raises:
        UnknownChannel: The channel, tone or phase is not known.
    """
    template = _template(prompts)
    channel, tone = get_channel(brief.channel, prompts), get_tone(brief.tone, prompts)
    system = _system(template, channel, tone, brief.lang)
    messages = [Message("system", system)]
    for exemplar in exemplars:
        messages.append(Message("user", _user(template, exemplar.brief)[0]))
        messages.append(Message("assistant", dump(exemplar.copy_, channel)))
    user, dropped = _user(template, brief)
    messages.append(Message("user", user))
    text = json.dumps([system, template.model_dump()], ensure_ascii=False, sort_keys=True)
    return RenderedPrompt(
        messages=tuple(messages),
        prompt_id=f"{TEMPLATE}/{channel.id}.v{channel.version}/{tone.id}.v{tone.version}",
        prompt_hash=hashlib.sha256(text.encode()).hexdigest()[:12],
        dropped=tuple(dropped),
    )


class _Question(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    system: str
    lead: str
    clause: str


@lru_cache(maxsize=4)
def _question(prompts: Path) -> _Question:
    path = prompts / f"{QUESTION}.toml"
    try:
        return _Question.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise PromptDataError(str(error), path=str(path)) from error


def render_question(brief: Brief, clause: str, lead: str = "", *, prompts: Path = PROMPTS) -> tuple[Message, ...]:
    """Render the conversation that asks whether a brief bears out one clause; the answer is one of verify.ANSWERS.

    Args:
        lead: What the same sentence says before the clause; empty when it opens the sentence.
    """
    question = _question(prompts)
    lines, _ = _about(_template(prompts), brief)
    lines += [question.lead.format(value=lead)] if lead else []
    lines.append(question.clause.format(value=clause))
    return Message("system", question.system), Message("user", _quoted(lines))


def chatml(messages: Sequence[Message]) -> str:
    """The conversation as ChatML text, opened for the assistant's answer: the format of the Qwen family."""
    turns = "".join(f"<|im_start|>{message.role}\n{message.content}<|im_end|>\n" for message in messages)
    return f"{turns}<|im_start|>assistant\n"
