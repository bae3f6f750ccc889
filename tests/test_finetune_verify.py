"""The verifier's training data: answers that are right by construction, and the prompt that serving sends."""

import json
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer

from copygen.brief import Brief
from copygen.errors import CopygenError, InvalidFile
from copygen.evidence import check_evidence
from copygen.exemplars import load_exemplars
from copygen.prompt import chatml, render_question
from copygen.verify import INVENTED, SUPPORTED, WRONG

from finetune.data import IGNORE, DataReport, Encode, Example
from finetune.recipe import VerifyRecipe
from finetune.verify_data import Case, build_verify_packs, from_corpus, load_written, pack_cases

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def encode_text(tiny_tokenizer: Path) -> Encode:
    tokenizer = Tokenizer.from_file(str(tiny_tokenizer))
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids


def _own(count: int) -> list[Example]:
    return [Example(exemplar.brief, exemplar.copy_, "own") for exemplar in load_exemplars("discover")[:count]]


def test_each_segment_is_what_serving_asks_token_for_token(encode_text: Encode, brief: Callable[..., Brief]) -> None:
    about = brief(facts=[["蓝牙耳机", "优点", "无线"]])
    clauses = (("", "降噪深度48dB", SUPPORTED), ("戴着跑步", "下水也不怕", INVENTED))
    (pack,) = pack_cases([Case(about, clauses)], encode_text, 2048)
    for number, (lead, text, answer) in enumerate(clauses, 1):
        kept = [i for i, segment in enumerate(pack.segments) if segment in (0, number)]
        assert [pack.input_ids[i] for i in kept] == encode_text(chatml(render_question(about, text, lead)) + answer)
        assert [pack.position_ids[i] for i in kept] == list(range(len(kept)))
        learnt = [pack.labels[i] for i in kept if pack.labels[i] != IGNORE]
        assert learnt == encode_text(answer)


def test_what_is_made_of_the_corpus_is_false_where_it_says_so() -> None:
    examples = _own(60)
    report = DataReport()
    cases = from_corpus(examples, random.Random(1), report)
    assert [case.brief for case in cases] == [example.brief for example in examples]
    told = [(case.brief, text, answer) for case in cases for _, text, answer in case.clauses]
    for about, text, answer in told:
        labels = {finding.label for finding in check_evidence([("text", text)], about).findings}
        assert (answer == WRONG) <= ("wrong_value" in labels), text
        assert (answer == INVENTED) <= ("invented_feature" in labels), text
    assert report.counts["corpus: 错"] > 20 and report.counts["corpus: 对"] > 200


def test_written_cases_are_balanced_and_their_products_are_not_measured() -> None:
    report = DataReport()
    cases = load_written(sorted((ROOT / "finetune" / "verify_cases").glob("*.jsonl")), report)
    true = report.counts["written: 对"]
    assert len(cases) == 325
    assert 0.45 < true / report.counts.total() < 0.55
    assert report.counts["written: 错"] > 900 and report.counts["written: 无"] > 900
    measured = load_written([ROOT / "tests" / "data" / "verify_cases.jsonl"], DataReport())
    trained = {product.model_dump_json() for case in cases for product in case.brief.products}
    assert trained.isdisjoint(product.model_dump_json() for case in measured for product in case.brief.products)
    said = {text for case in cases for _, text, _ in case.clauses}
    assert said.isdisjoint(text for case in measured for _, text, _ in case.clauses)


def test_every_reading_has_its_clauses_in_another_order(tmp_path: Path, encode_text: Encode) -> None:
    record = {
        "id": "1",
        "products": [{"name": "竹杯", "attributes": {"材质": "竹"}}],
        "clauses": [{"prev": "", "text": f"第{i}句话", "label": "ok"} for i in range(8)],
    }
    (tmp_path / "a.jsonl").write_text(json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    recipe = VerifyRecipe(written=str(tmp_path), written_epochs=3, corpus_cases=5)
    packs = build_verify_packs(recipe, _own(20), encode_text, 2048, 1, DataReport())
    assert len(packs) == 3 + 5
    assert packs == build_verify_packs(recipe, _own(20), encode_text, 2048, 1, DataReport())
    readings = [pack.input_ids for pack in packs if pack.segments[-1] == 8]
    assert len(readings) >= 3 and len({tuple(reading) for reading in readings}) == len(readings)


@pytest.mark.parametrize(
    "clauses",
    [None, [{"text": "好"}], [{"text": "好", "label": "maybe"}], "nothing"],
    ids=["none", "bare", "label", "text"],
)
def test_a_record_that_cannot_be_used_is_named_by_its_line(tmp_path: Path, clauses: object) -> None:
    path = tmp_path / "bad.jsonl"
    record = {"products": [{"name": "竹杯", "attributes": {"材质": "竹"}}], "clauses": clauses}
    path.write_text("\n" + json.dumps(record, ensure_ascii=False) + "\n", encoding="utf-8")
    with pytest.raises(InvalidFile) as caught:
        load_written([path], DataReport())
    assert caught.value.line == 2


def test_nothing_is_cut_off_silently(encode_text: Encode, brief: Callable[..., Brief]) -> None:
    with pytest.raises(CopygenError, match="max_pack_tokens=40"):
        pack_cases([Case(brief(), (("", "降噪深度48dB", SUPPORTED),))], encode_text, 40)
