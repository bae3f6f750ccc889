"""Records -> training packs. Knows files and token ids; the tokenizer is handed in, torch is not needed.

Examples that share a system message are packed behind one copy of it: each example sees the shared prefix and
itself, never its neighbours, so a pack trains exactly what the same examples would train one by one, for two thirds
of the tokens. `segments` says which token belongs to which example (0 is the prefix).
"""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from copygen.ad_copy import AdCopy, dump
from copygen.brief import Brief, Product, read_brief
from copygen.channel import get_channel
from copygen.errors import CopygenError, InvalidFile
from copygen.prompt import chatml, render

from finetune.recipe import DataRecipe

IGNORE = -100
"""Source: torch.nn.CrossEntropyLoss's default ignore_index."""


class Encode(Protocol):
    """A tokenizer's encode: text with control tokens -> ids, nothing added."""

    def __call__(self, text: str) -> list[int]: ...


@dataclass(frozen=True, slots=True)
class Example:
    """A brief and the copy it should become."""

    brief: Brief
    copy: AdCopy
    source: str


@dataclass(slots=True)
class Pack:
    """One training sequence; four lists of equal length."""

    input_ids: list[int] = field(default_factory=list)
    labels: list[int] = field(default_factory=list)
    """IGNORE everywhere but on the copy and its end token."""
    position_ids: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)

    def append(self, prompt: Sequence[int], target: Sequence[int], prefix_len: int) -> None:
        segment = self.segments[-1] + 1
        length = len(prompt) + len(target)
        self.input_ids += [*prompt, *target]
        self.labels += [IGNORE] * len(prompt) + list(target)
        self.position_ids += range(prefix_len, prefix_len + length)
        self.segments += [segment] * length


@dataclass(slots=True)
class DataReport:
    """What each step kept and dropped, for the data card."""

    counts: Counter[str] = field(default_factory=Counter)

    def lines(self) -> list[str]:
        return [f"{name}: {count}" for name, count in sorted(self.counts.items())]


def read_records(path: Path) -> Iterable[tuple[int, dict[str, object]]]:
    """Yield (line number, record) of a JSONL file.

    Raises:
        InvalidFile: Missing file or a line that is no JSON object.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except OSError as error:
        raise InvalidFile(f"cannot be read: {error.strerror}", path=str(path)) from error
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except json.JSONDecodeError as error:
            raise InvalidFile(f"not JSON: {error.msg}", path=str(path), line=number) from error
        if not isinstance(record, dict):
            raise InvalidFile("expected a JSON object", path=str(path), line=number)
        yield number, record


def load_own(folder: Path, report: DataReport) -> list[Example]:
    """All records with a copy under a folder."""
    examples = []
    for path in sorted(folder.glob("*.jsonl")):
        for number, record in read_records(path):
            try:
                brief, _ = read_brief(record)
                copy = AdCopy.model_validate(record.get("copy"))
            except (CopygenError, ValueError) as error:
                raise InvalidFile(str(error), path=str(path), line=number) from error
            examples.append(Example(brief, copy, "own"))
    report.counts["own: kept"] += len(examples)
    return examples


# Wording AdvertiseGen teaches and advertising law forbids, and phrases worn out by use.
_UNWANTED = re.compile(
    r"<UNK>|BRAND|最|第一|顶级|极致|完美|唯一|绝对|国家级|首选|万能|永久|100%|明星|同款|爆款|女神|仙女|小仙|"
    r"百搭|彰显|尽显|凸显|打造|时尚感|不仅|让你|你的|设计师|韩版|潮流|气质|魅力|随性|减龄"
)


def load_advertisegen(path: Path, limit: int, report: DataReport) -> list[Example]:
    """The best-supported part of AdvertiseGen, as product descriptions.

    Kept: targets within the channel's limits that tell every attribute value, tell no number or Latin word the input
    lacks, and use no forbidden or worn-out wording; of these the densest `limit`.
    """
    channel = get_channel("detail")
    spec = channel.fields["body"]
    scored, seen = [], set()
    for _, record in read_records(path):
        report.counts["advertisegen: read"] += 1
        content, summary = str(record["content"]), str(record["summary"])
        pairs = [tuple(pair.split("#", 1)) for pair in content.split("*") if "#" in pair]
        values = [value for _, value in pairs]
        if _UNWANTED.search(summary) or _UNWANTED.search(content):
            report.counts["advertisegen: dropped, noise or wording"] += 1
        elif not spec.min <= spec.measure(summary) <= spec.max:
            report.counts["advertisegen: dropped, length"] += 1
        elif any(run not in content for run in re.findall(r"\d+|[A-Za-z]{2,}", summary)):
            report.counts["advertisegen: dropped, number or brand without source"] += 1
        elif not all(value in summary for value in values) or len(values) < 4:
            report.counts["advertisegen: dropped, attribute not told or too few"] += 1
        elif summary[:12] in seen:
            report.counts["advertisegen: dropped, same opening"] += 1
        else:
            seen.add(summary[:12])
            attributes: dict[str, str] = {}
            for name, value in pairs:
                attributes[name] = f"{attributes[name]}、{value}" if name in attributes else value
            kind = attributes.get("类型", "服饰")
            product = Product(name=f"{attributes.get('版型', '')}{kind}", category=kind, attributes=attributes)
            brief = Brief(products=(product,), channel="detail", tone="简约", industry="服饰")
            scored.append((sum(map(len, values)) / len(summary), Example(brief, AdCopy(body=summary), "advertisegen")))
    scored.sort(key=lambda item: -item[0])
    report.counts["advertisegen: kept"] += min(limit, len(scored))
    return [example for _, example in scored[:limit]]


def vary(example: Example, recipe: DataRecipe, rng: random.Random) -> Example:
    """Another true reading of the same example: attributes in another order, sometimes no audience."""
    brief = example.brief
    if recipe.shuffle_attributes:
        products = []
        for product in brief.products:
            pairs = list(product.attributes.items())
            rng.shuffle(pairs)
            products.append(product.model_copy(update={"attributes": dict(pairs)}))
        brief = brief.model_copy(update={"products": tuple(products)})
    if rng.random() < recipe.audience_dropout:
        brief = brief.model_copy(update={"audience": ""})
    return Example(brief, example.copy, example.source)


def encode(example: Example, encode_text: Encode) -> tuple[list[int], list[int], list[int]]:
    """Token ids of one example: shared prefix, the rest of the prompt, the target with its end token.

    prefix + rest is token for token what serving sends for this brief.
    """
    messages = render(example.brief).messages
    whole = chatml(messages)
    prefix = f"<|im_start|>system\n{messages[0].content}<|im_end|>\n"
    target = dump(example.copy, get_channel(example.brief.channel))
    return encode_text(prefix), encode_text(whole[len(prefix) :]), encode_text(f"{target}<|im_end|>")


def pack(examples: Sequence[Example], encode_text: Encode, max_pack_tokens: int, rng: random.Random) -> list[Pack]:
    """Pack examples of equal system message together, in random order.

    Raises:
        CopygenError: One example alone is over max_pack_tokens; nothing is truncated silently.
    """
    groups: dict[tuple[int, ...], list[tuple[list[int], list[int]]]] = defaultdict(list)
    for example in examples:
        prefix, prompt, target = encode(example, encode_text)
        if len(prefix) + len(prompt) + len(target) > max_pack_tokens:
            raise CopygenError(f"example {example.brief.id}: over max_pack_tokens={max_pack_tokens}; raise it")
        groups[tuple(prefix)].append((prompt, target))
    packs = []
    for shared, members in groups.items():
        rng.shuffle(members)
        current: Pack | None = None
        for prompt, target in members:
            if current is None or len(current.input_ids) + len(prompt) + len(target) > max_pack_tokens:
                current = Pack([*shared], [IGNORE] * len(shared), [*range(len(shared))], [0] * len(shared))
                packs.append(current)
            current.append(prompt, target, len(shared))
    rng.shuffle(packs)
    return packs


def build_packs(
    recipe: DataRecipe,
    extra: Sequence[Example],
    own: Sequence[Example],
    encode_text: Encode,
    max_pack_tokens: int,
    seed: int,
) -> list[Pack]:
    """All packs of a run in training order: the outside examples in the first reading only."""
    rng = random.Random(seed)
    packs = []
    for reading in range(recipe.own_epochs):
        examples = [vary(example, recipe, rng) for example in own] if reading else list(own)
        if reading == 0:
            examples += extra
        packs += pack(examples, encode_text, max_pack_tokens, rng)
    return packs
