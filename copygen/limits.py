"""Does a copy fit its channel and its brief's plain demands: fields, lengths, script, keywords, repetition."""

import re
from collections import Counter
from collections.abc import Iterator

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import Channel, FieldSpec
from copygen.finding import Finding
from copygen.text import clause_spans, emoji_count, foreign_script

# Signs of a model talking about its task, unfinished markup or shouting.
_DEBRIS = re.compile(
    r"[#*`|_]{2,}|https?://|【[^】]*】|[{}\[\]<>]{1}|[！!？?]{3,}|[，、]{2,}|(?<!。)。{2}(?!。)|。{4,}|[！？!?，、；]。|(?:标题|正文|标签|標題|標籤)[：:]|作为一个?AI|商品信息"
)
_ACCOUNT = re.compile(r"[A-Za-z]{4,}[-_]?\d{2,}")
_SENTENCE_FINAL = "。！？!?~～…”」』）)"
_MAX_REPEATED = 0.05
"""Share of a body's runs of four characters that came before; of 1,112 human bodies the most is 0.017."""
_REPEAT_CHARS = 7
"""A run of this many characters that comes twice is a repetition; names and attribute values are exempt."""


def check_limits(copy: AdCopy, brief: Brief, channel: Channel) -> list[Finding]:
    """Findings on fields, lengths, item counts, emoji, debris, script, keywords, avoided words and repetition."""
    findings: list[Finding] = []
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        findings += _list_limits(name, value, spec) if isinstance(value, tuple) else _text_limits(name, value, spec)
    for where, text in copy.texts():
        findings += _debris(where, text)
        findings += _accounts(where, text, brief)
        findings += _script(where, text, brief)
    findings += _emoji(copy, channel)
    findings += _words(copy, brief)
    findings += _repetition(copy, brief)
    return findings


def _whole(label: str, where: str, text: str, reason: str) -> Finding:
    return Finding(label, where, 0, len(text), text, reason)


def _text_limits(name: str, text: str, spec: FieldSpec) -> Iterator[Finding]:
    if not text:
        yield _whole("missing_field", name, "", f"缺少{spec.label}")
    elif not spec.min <= (size := spec.measure(text)) <= spec.max:
        yield _whole("length", name, text, f"{spec.label}{size}字，应为{spec.min}-{spec.max}")
    elif name == "body" and len(text) > 30 and text[-1] not in _SENTENCE_FINAL and text[-1].isalnum():
        # Short bodies may end on a product word; a long one that ends on a letter was cut off.
        yield Finding("unfinished", name, len(text) - 1, len(text), text[-1], "结尾不完整", severity="warning")


def _list_limits(name: str, items: tuple[str, ...], spec: FieldSpec) -> Iterator[Finding]:
    low, high = spec.min_items or 0, spec.max_items or 0
    if not items:
        yield _whole("missing_field", name, "", f"缺少{spec.label}")
    elif not low <= len(items) <= high:
        yield Finding("length", name, 0, 0, "", f"{spec.label}{len(items)}条，应为{low}-{high}条")
    for i, item in enumerate(items):
        if not spec.min <= (size := spec.measure(item)) <= spec.max:
            yield _whole("length", f"{name}[{i}]", item, f"{spec.label}第{i + 1}条{size}字，应为{spec.min}-{spec.max}")


def _debris(where: str, text: str) -> Iterator[Finding]:
    if where == "title" and not re.search(r"[\u3400-\u9fff]", text):
        yield _whole("debris", where, text, "标题里没有一个汉字")
    for match in _DEBRIS.finditer(text):
        yield Finding("debris", where, match.start(), match.end(), match[0], "多余的符号或与文案无关的内容")


def _accounts(where: str, text: str, brief: Brief) -> Iterator[Finding]:
    """Names that look like accounts or codes (yunzhi2024) and that the brief does not have."""
    for match in _ACCOUNT.finditer(text):
        if match[0].lower() not in _given_text(brief).lower():
            yield Finding("debris", where, match.start(), match.end(), match[0], f"商品资料里没有“{match[0]}”")


def _given_text(brief: Brief) -> str:
    products = (
        " ".join((p.name, p.brand, p.category, p.price, *p.attributes, *p.attributes.values())) for p in brief.products
    )
    facts = (f"{fact.subject} {fact.object}" for fact in brief.facts)
    return " ".join((*products, *facts, *brief.keywords, brief.audience))


def _script(where: str, text: str, brief: Brief) -> Iterator[Finding]:
    given = set(_given_text(brief))
    for i in foreign_script(text, brief.lang):
        if text[i] not in given:
            expected = "简体" if brief.lang == "zh-Hans" else "繁體"
            yield Finding("script", where, i, i + 1, text[i], f"应使用{expected}字")


def _emoji(copy: AdCopy, channel: Channel) -> Iterator[Finding]:
    count = emoji_count(copy.plain_text())
    if count > channel.max_emoji:
        yield Finding("emoji", "body", 0, 0, "", f"表情{count}个，最多{channel.max_emoji}个")


def _words(copy: AdCopy, brief: Brief) -> Iterator[Finding]:
    whole = copy.plain_text()
    for word in brief.keywords:
        if word not in whole:
            yield Finding("missing_keyword", "body", 0, 0, "", f"缺少关键词：{word}")
    for where, text in copy.texts():
        for word in brief.avoid:
            if (at := text.find(word)) >= 0:
                yield Finding("avoided_word", where, at, at + len(word), word, f"出现了要避开的词：{word}")


def _repetition(copy: AdCopy, brief: Brief) -> Iterator[Finding]:
    seen: Counter[str] = Counter()
    given = _given_text(brief)
    for where, text in copy.texts():
        if where.startswith("tags"):
            continue
        for start, end in clause_spans(text):
            clause = text[start:end].strip(" ，。！？!?；;、：:\n")
            if len(clause) >= 5 and clause not in given:
                seen[clause] += 1
                if seen[clause] == 2:
                    yield Finding("repetition", where, start, end, text[start:end], "与前文重复")
    body = copy.body
    if (share := repeated_share(body, given)) > _MAX_REPEATED:
        yield _whole("repetition", "body", body, f"翻来覆去说同样的话（{share:.0%}）")
        return
    runs: dict[str, int] = {}
    for i in range(len(body) - _REPEAT_CHARS + 1):
        run = body[i : i + _REPEAT_CHARS]
        first = runs.setdefault(run, i)
        if i - first >= _REPEAT_CHARS and run not in given and not re.search(r"[\s，。！？；：、]", run):
            yield Finding("repetition", "body", i, i + _REPEAT_CHARS, run, "与前文重复")
            return


def repeated_share(text: str, given: str = "", n: int = 4) -> float:
    """Share of the n-character runs of a text, marks and blanks aside, that stood in it before; 0..1.

    Args:
        given: Runs of it may be repeated: names and values.
    """
    letters, exempt = (re.sub(r"\W", "", one) for one in (text, given))
    runs = [letters[i : i + n] for i in range(len(letters) - n + 1)]
    again = len(runs) - len(set(runs)) - sum(count - 1 for run, count in Counter(runs).items() if run in exempt)
    return again / len(runs) if runs else 0.0
