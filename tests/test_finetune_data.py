"""Training packs, with a real byte-level BPE built here. The parity test ties what is trained to what is served."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import GOOD_BODY, GOOD_TITLE
from tokenizers import Tokenizer

from copygen.ad_copy import AdCopy, dump
from copygen.brief import Brief
from copygen.channel import get_channel, load_channels
from copygen.errors import CopygenError, InvalidFile
from copygen.exemplars import load_exemplars
from copygen.prompt import chatml, render

from finetune.data import (
    IGNORE,
    DataReport,
    Encode,
    Example,
    build_packs,
    encode,
    load_advertisegen,
    load_own,
    pack,
    read_records,
    vary,
)
from finetune.recipe import DataRecipe

GOOD = AdCopy(title=GOOD_TITLE, body=GOOD_BODY)
NO_CHANGE = DataRecipe(shuffle_attributes=False, audience_dropout=0)


@pytest.fixture
def encode_text(tiny_tokenizer: Path) -> Encode:
    """As serving encodes: control tokens in the text are control tokens, nothing is added."""
    tokenizer = Tokenizer.from_file(str(tiny_tokenizer))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def _own(channel_id: str, count: int) -> list[Example]:
    return [Example(exemplar.brief, exemplar.copy_, "own") for exemplar in load_exemplars(channel_id)[:count]]


@pytest.mark.parametrize("channel_id", sorted(set(load_channels()) - {"detail"}))
def test_training_prompt_is_the_serving_prompt_token_for_token(encode_text: Encode, channel_id: str) -> None:
    for example in _own(channel_id, 6):
        prefix, rest, target = encode(example, encode_text)
        messages = render(example.brief).messages
        assert prefix + rest == encode_text(chatml(messages))
        assert target == encode_text(dump(example.copy, get_channel(channel_id)) + "<|im_end|>")
        # The whole dialogue encoded at once is the same again: no token spans the places where it is cut.
        whole = chatml(messages) + dump(example.copy, get_channel(channel_id)) + "<|im_end|>"
        assert prefix + rest + target == encode_text(whole)


def test_prefix_is_the_system_message_alone(
    encode_text: Encode, brief: Callable[..., Brief], tiny_tokenizer: Path
) -> None:
    prefix, rest, target = encode(Example(brief(), GOOD, "own"), encode_text)
    tokenizer = Tokenizer.from_file(str(tiny_tokenizer))
    start, end = tokenizer.token_to_id("<|im_start|>"), tokenizer.token_to_id("<|im_end|>")
    assert prefix.count(start) == prefix.count(end) == 1
    assert (rest.count(start), rest.count(end)) == (2, 1)
    assert target[-1] == end and target.count(end) == 1
    other, _, _ = encode(Example(brief(attributes={"材质": "竹"}), GOOD, "own"), encode_text)
    assert other == prefix


def test_pack_shows_the_prefix_once_and_each_example_beside_it(encode_text: Encode) -> None:
    examples = [
        Example(example.brief.model_copy(update={"tone": "简约", "lang": "zh-Hans"}), example.copy, "own")
        for example in _own("push", 5)
    ]
    (packed,) = pack(examples, encode_text, 100_000, random.Random(0))
    size = len(packed.input_ids)
    assert len(packed.labels) == len(packed.position_ids) == len(packed.segments) == size
    prefix, _, _ = encode(examples[0], encode_text)
    cut = len(prefix)
    assert packed.input_ids[:cut] == prefix
    assert packed.segments[:cut] == [0] * cut
    assert packed.position_ids[:cut] == list(range(cut))
    assert packed.labels[:cut] == [IGNORE] * cut

    expected = {tuple(rest + target): (rest, target) for _, rest, target in (encode(e, encode_text) for e in examples)}
    seen = set()
    for segment in range(1, 6):
        at = [i for i, s in enumerate(packed.segments) if s == segment]
        assert at == list(range(at[0], at[-1] + 1))
        ids = tuple(packed.input_ids[i] for i in at)
        rest, target = expected[ids]
        seen.add(ids)
        assert [packed.position_ids[i] for i in at] == list(range(cut, cut + len(at)))
        assert [packed.labels[i] for i in at] == [IGNORE] * len(rest) + target
    assert seen == set(expected)
    assert max(packed.segments) == 5


def test_packs_keep_to_their_size_and_lose_nothing(encode_text: Encode) -> None:
    examples = _own("push", 30) + _own("note", 10)
    longest = max(sum(map(len, encode(example, encode_text))) for example in examples)
    packs = pack(examples, encode_text, longest + 500, random.Random(0))
    assert all(len(packed.input_ids) <= longest + 500 for packed in packs)
    assert sum(packed.segments[-1] for packed in packs) == len(examples)
    assert len(packs) < len(examples)
    targets = sorted(tuple(encode(example, encode_text)[2]) for example in examples)
    found = []
    for packed in packs:
        for segment in range(1, packed.segments[-1] + 1):
            labels = [x for x, s in zip(packed.labels, packed.segments, strict=True) if s == segment and x != IGNORE]
            found.append(tuple(labels))
    assert sorted(found) == targets


def test_over_long_example_raises_rather_than_being_cut(encode_text: Encode) -> None:
    examples = _own("push", 2)
    size = max(sum(map(len, encode(example, encode_text))) for example in examples)
    assert pack(examples, encode_text, size, random.Random(0))
    with pytest.raises(CopygenError, match=f"over max_pack_tokens={size - 1}; raise it"):
        pack(examples, encode_text, size - 1, random.Random(0))


def test_packing_is_a_function_of_the_seed(encode_text: Encode) -> None:
    own, extra = _own("push", 8), _own("social", 3)
    recipe = DataRecipe(own_epochs=2)
    runs = [build_packs(recipe, extra, own, encode_text, 3000, seed) for seed in (1, 1, 2)]
    assert runs[0] == runs[1] != runs[2]
    assert sum(packed.segments[-1] for packed in runs[0]) == 2 * len(own) + len(extra)


def test_first_reading_is_unchanged(encode_text: Encode) -> None:
    own = _own("push", 4)
    packs = build_packs(DataRecipe(own_epochs=1, audience_dropout=1), (), own, encode_text, 100_000, 1)
    targets = {tuple(rest) for _, rest, _ in (encode(example, encode_text) for example in own)}
    read = {
        tuple(i for i, label, s in zip(p.input_ids, p.labels, p.segments, strict=True) if s == n and label == IGNORE)
        for p in packs
        for n in range(1, p.segments[-1] + 1)
    }
    assert read == targets


def test_vary_changes_order_and_audience_but_no_fact(brief: Callable[..., Brief]) -> None:
    example = Example(brief(attributes={f"属性{i}": f"值{i}" for i in range(12)}, audience="通勤族"), GOOD, "own")
    varied = vary(example, DataRecipe(audience_dropout=1), random.Random(0))
    before, after = example.brief.products[0].attributes, varied.brief.products[0].attributes
    assert after == before and list(after) != list(before)
    assert varied.brief.audience == ""
    assert varied.copy == example.copy
    assert vary(example, NO_CHANGE, random.Random(0)) == example


def _lines(path: Path, *records: object) -> Path:
    path.write_text("\n".join(r if isinstance(r, str) else json.dumps(r, ensure_ascii=False) for r in records), "utf-8")
    return path


CONTENT = "类型#裤*版型#宽松*材质#棉麻*颜色#米白*裤长#九分裤"
SUMMARY = (
    "棉麻的裤身，米白的颜色，夏天穿着透气。宽松的版型走起路来有风，"
    "九分裤的长度刚好露出脚踝，配一双布鞋就能出门散步，慢慢走也不嫌热。"
)


@pytest.mark.parametrize(
    ("content", "summary", "reason"),
    [
        pytest.param(CONTENT, SUMMARY, "", id="good"),
        pytest.param(CONTENT, SUMMARY.replace("刚好", "最好"), "noise or wording", id="absolute term"),
        pytest.param(CONTENT, SUMMARY + "<UNK>", "noise or wording", id="unknown token"),
        pytest.param(CONTENT, SUMMARY + "尽显气质。", "noise or wording", id="worn out"),
        pytest.param(CONTENT.replace("棉麻", "BRAND"), SUMMARY, "noise or wording", id="noise in the input"),
        pytest.param(CONTENT, "棉麻米白宽松九分裤。", "length", id="too short"),
        pytest.param(CONTENT, SUMMARY * 3, "length", id="too long"),
        pytest.param(CONTENT, SUMMARY + "含棉80克。", "number or brand without source", id="number without source"),
        pytest.param(CONTENT, SUMMARY + "来自MUJI。", "number or brand without source", id="Latin word without source"),
        pytest.param(CONTENT, SUMMARY.replace("米白", "浅色"), "attribute not told or too few", id="value not told"),
        pytest.param("类型#裤*版型#宽松", SUMMARY, "attribute not told or too few", id="too few attributes"),
    ],
)
def test_advertisegen_drops_what_it_should(tmp_path: Path, content: str, summary: str, reason: str) -> None:
    report = DataReport()
    path = _lines(tmp_path / "train.jsonl", {"content": content, "summary": summary})
    examples = load_advertisegen(path, 10, report)
    assert report.counts["advertisegen: read"] == 1
    assert len(examples) == report.counts["advertisegen: kept"] == (not reason)
    if reason:
        assert report.counts[f"advertisegen: dropped, {reason}"] == 1
    else:
        (example,) = examples
        assert example.copy == AdCopy(body=SUMMARY)
        assert example.brief.channel == "detail"
        assert example.brief.products[0].attributes["材质"] == "棉麻"
        render(example.brief)


def test_advertisegen_keeps_the_densest_and_no_equal_openings(tmp_path: Path) -> None:
    dense = SUMMARY[: SUMMARY.index("，配一双")] + "。夏日里穿。"
    other = "这条裤子" + SUMMARY
    report = DataReport()
    records = (
        {"content": CONTENT, "summary": s} for s in (SUMMARY, SUMMARY.replace("慢慢走", "快步走"), other, "夏" + dense)
    )
    examples = load_advertisegen(_lines(tmp_path / "train.jsonl", *records), 2, report)
    assert [example.copy.body for example in examples] == ["夏" + dense, SUMMARY]
    assert report.counts["advertisegen: dropped, same opening"] == 1
    assert "advertisegen: kept: 2" in report.lines()


def test_repeated_attribute_keeps_both_values(tmp_path: Path) -> None:
    record = {"content": CONTENT + "*颜色#散步", "summary": SUMMARY}
    (example,) = load_advertisegen(_lines(tmp_path / "train.jsonl", record), 1, DataReport())
    assert example.brief.products[0].attributes["颜色"] == "米白、散步"


def test_own_records_are_read_with_their_line(tmp_path: Path) -> None:
    record = {"channel": "push", "products": [{"name": "耳机"}], "copy": {"body": "好。"}}
    _lines(tmp_path / "a.jsonl", record, "", record)
    report = DataReport()
    assert len(load_own(tmp_path, report)) == 2
    assert report.lines() == ["own: kept: 2"]
    _lines(tmp_path / "b.jsonl", record, {**record, "copy": None})
    with pytest.raises(InvalidFile) as caught:
        load_own(tmp_path, DataReport())
    assert (caught.value.path, caught.value.line) == (str(tmp_path / "b.jsonl"), 2)


@pytest.mark.parametrize(("line", "what"), [("{", "not JSON"), ("[]", "expected a JSON object")])
def test_broken_records_name_their_line(tmp_path: Path, line: str, what: str) -> None:
    path = _lines(tmp_path / "a.jsonl", {}, line)
    with pytest.raises(InvalidFile, match=rf"line 2: {what}"):
        list(read_records(path))
    with pytest.raises(InvalidFile, match="cannot be read"):
        list(read_records(tmp_path / "none.jsonl"))
