"""What each clause rests on and what nobody vouched for: single cases, labelled cases, human copies that must pass."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, Fact, Product, read_brief
from copygen.evidence import EvidenceReport, check_evidence
from copygen.finding import Finding, errors
from copygen.rule import load_rules

from benchmarks.guard import Tally, score
from eval.samples import SUITES, load_suite
from serving.cli_check import check_case, read_case

CASES = Path(__file__).parent / "data" / "evidence_cases.jsonl"
EXEMPLARS = SUITES.parent.parent / "prompts" / "exemplars"

EARBUDS = Product(
    name="听屿 N3 耳机",
    brand="听屿",
    category="真无线耳机",
    attributes={
        "降噪深度": "46dB",
        "续航": "单次8小时，含充电盒共40小时",
        "防水": "IPX4",
        "佩戴": "入耳式",
        "颜色": "雾霾蓝、岩灰",
    },
    price="299元",
)
SHEETS = Product(
    name="眠川 天丝四件套",
    category="床上四件套",
    attributes={
        "面料": "莱赛尔60% 棉40%",
        "规格": "1.8米床",
        "颜色": "雾霾蓝",
        "洗涤": "30℃以下手洗",
        "产地": "江苏南通",
    },
    price="429元",
)
LAMP = Product(
    name="暮橙 露营灯", category="露营灯", attributes={"续航": "低档20小时，高档5小时", "重量": "210g"}, price="89元"
)
TABLE = Product(name="暮橙 折叠桌", category="折叠桌", attributes={"承重": "30kg", "桌面": "铝合金"}, price="129元")


def check(text: str, *products: Product, facts: tuple[Fact, ...] = (), audience: str = "") -> EvidenceReport:
    brief = Brief(products=products or (EARBUDS,), channel="note", facts=facts, audience=audience)
    return check_evidence([("body", text)], brief)


def found(text: str, *products: Product) -> list[tuple[str, str]]:
    return [(finding.label, finding.text) for finding in check(text, *products).findings]


@pytest.mark.parametrize(
    ("text", "kind", "rests_on"),
    [
        ("降噪46dB，", "attribute", "attributes.降噪深度"),
        ("一次能听八个小时。", "attribute", "attributes.续航"),
        ("299元到手，", "price", "price"),
        ("戴上就听不见引擎的轰鸣，", "fact", "facts[0]"),
        ("走了三公里的夜路，", "scene", ""),
        ("像把夏天关在门外。", "mood", ""),
        ("续航60小时，", "contradicts", "attributes.续航"),
        ("支持无线充电，", "unsupported", ""),
    ],
)
def test_what_a_clause_rests_on(text: str, kind: str, rests_on: str) -> None:
    fact = Fact(subject="主动降噪", relation="优点", object="听不见引擎轰鸣")
    (clause,) = check(text, facts=(fact,)).clauses
    assert (clause.support.kind, clause.support.rests_on) == (kind, rests_on)


def test_clauses_cover_the_text_in_order() -> None:
    text = "夜里两点，街灯还亮着。46dB降噪，把世界调成静音；299元。"
    clauses = check(text).clauses
    assert "".join(clause.text for clause in clauses) == text
    assert all(clause.text == text[clause.start : clause.end] for clause in clauses)


@pytest.mark.parametrize(
    ("text", "product"),
    [
        pytest.param("雾霾蓝的那只，蓝色耳机里最耐看", EARBUDS, id="雾霾蓝 is blue"),
        pytest.param("單次八小時，加上充電盒共四十小時", EARBUDS, id="traditional script"),
        pytest.param("含充电盒一共40小时，出差两天不找插座", EARBUDS, id="with the case"),
        pytest.param("六成莱赛尔，四成棉", SHEETS, id="shares as tenths"),
        pytest.param("屋里像降了两度", SHEETS, id="a likeness"),
        pytest.param("一米八的床刚好", SHEETS, id="spelled length"),
        pytest.param("别丢洗衣机，手洗", SHEETS, id="denied"),
        pytest.param("我身高一米六，盖着正好", SHEETS, id="a person's size"),
        pytest.param("不到三百块", EARBUDS, id="price as a bound"),
        pytest.param("每天通勤来回一小时", EARBUDS, id="a scene"),
        pytest.param("不支持无线充电", EARBUDS, id="a feature denied"),
    ],
)
def test_what_is_borne_out_or_claims_nothing_passes(text: str, product: Product) -> None:
    assert found(text, product) == []


@pytest.mark.parametrize(
    ("text", "product", "label", "fragment"),
    [
        pytest.param("单次就能听40小时", EARBUDS, "wrong_value", "40小时", id="total told as single"),
        pytest.param("IPX8防水，洗澡也戴", EARBUDS, "wrong_value", "IPX8", id="another mark"),
        pytest.param("樱花粉款也上新了", EARBUDS, "wrong_value", "樱花粉", id="another colour"),
        pytest.param("头戴式设计，包裹感很好", EARBUDS, "wrong_value", "头戴式", id="another form"),
        pytest.param("纯棉四件套，贴身睡", SHEETS, "wrong_value", "纯棉", id="莱赛尔 is not 纯棉"),
        pytest.param("可以直接丢洗衣机", SHEETS, "wrong_value", "洗衣机", id="opposite care"),
        pytest.param("一米五的床也合适", SHEETS, "wrong_value", "一米五", id="another size"),
        pytest.param("新疆棉花，阳光味道", SHEETS, "wrong_value", "新疆", id="another origin"),
        pytest.param("留香七十二小时", SHEETS, "unsupported_number", "七十二小时", id="a time nobody gave"),
        pytest.param("自带蓝牙音箱和投屏，边睡边看", SHEETS, "invented_feature", "投屏", id="a function nobody gave"),
        pytest.param("獲紅點設計獎的四件套", SHEETS, "invented_feature", "獎", id="an award, traditional script"),
    ],
)
def test_what_nobody_vouched_for_is_found(text: str, product: Product, label: str, fragment: str) -> None:
    assert any(kind == label and fragment in said for kind, said in found(text, product)), found(text, product)


def test_each_product_of_a_bundle_answers_for_itself() -> None:
    assert found("灯210克，桌能承重六十斤", LAMP, TABLE) == []
    assert found("灯能承重六十斤", LAMP, TABLE) == [("wrong_value", "灯能承重六十斤")]
    assert found("灯210克，89加129，一共218元", LAMP, TABLE) == []


def test_a_number_told_of_another_grade_is_wrong_even_a_clause_later() -> None:
    assert found("开低档，亮二十个钟头", LAMP) == []
    (wrong,) = check("开到高档，亮二十个钟头", LAMP).findings
    assert wrong.label == "wrong_value" and "二十个钟头" in wrong.text


def test_two_faults_of_one_clause_are_struck_out_apart() -> None:
    pole = Product(name="青嶂 帐篷", category="帐篷", attributes={"支架": "铝合金杆", "重量": "2.6kg"})
    first, second = check("碳纤维支架才两公斤", pole).findings
    assert "碳纤维" in first.text and "两公斤" in second.text
    assert first.end <= second.start


def test_the_reason_tells_the_merchant_what_the_brief_says() -> None:
    (finding,) = check("续航60小时").findings
    assert "单次8小时" in finding.reason and finding.proof


def _score(path: Path) -> tuple[dict[str, Tally], int]:
    tallies: dict[str, Tally] = {}
    ok = 0
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        ok += case["labels"] == ["ok"]
        score(case, check_case(read_case(case)), tallies)
    return tallies, ok


def test_labelled_cases() -> None:
    """282 contrasting cases over 67 products, both scripts, half of them clean."""
    tallies, ok = _score(CASES)
    evidence = [tallies[label] for label in ("wrong_value", "invented_feature", "unsupported_number")]
    assert ok >= 130 and sum(tally.false for tally in evidence) / ok <= 0.03
    assert tallies["wrong_value"].recall >= 0.85
    assert tallies["invented_feature"].recall >= 0.80
    assert tallies["unsupported_number"].recall >= 0.75
    assert sum(tally.covered for tally in evidence) / sum(tally.found for tally in evidence) >= 0.9


def test_every_label_is_explained() -> None:
    page = (SUITES.parent.parent / "docs" / "findings.md").read_text(encoding="utf-8")
    labels = {rule.label for rule in load_rules().rules} | {"wrong_value", "unsupported_number", "invented_feature"}
    assert [label for label in sorted(labels) if f"`{label}`" not in page] == []


def _human_copies() -> Iterator[tuple[str, Brief, AdCopy]]:
    for sample in load_suite("heldout"):
        yield "heldout", sample.brief, sample.reference
    for path in sorted(EXEMPLARS.glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            record = json.loads(line)
            yield "exemplars", read_brief(record)[0], AdCopy.model_validate(record["copy"])


def test_human_copies_that_keep_to_their_facts_pass() -> None:
    counts: dict[str, list[bool]] = {}
    for corpus, brief, copy in _human_copies():
        wrong: list[Finding] = errors(check_evidence(copy.texts(), brief).findings)
        counts.setdefault(corpus, []).append(bool(wrong))
    assert {name: len(flags) for name, flags in counts.items()} == {"heldout": 300, "exemplars": 1126}
    assert all(sum(flags) / len(flags) <= 0.03 for flags in counts.values())


@pytest.mark.parametrize(
    ("text", "wrong", "fix"),
    [
        pytest.param("通勤戴着，降噪48dB。", "降噪48dB", "降噪46dB", id="a short clause"),
        pytest.param("到手只要199元，带走。", "到手只要199元", "到手只要299元", id="price"),
        pytest.param("续航60小时。", "续航60小时", "", id="two figures to choose from"),
        pytest.param("单次40小时。", "单次40小时", "", id="the right figure of the wrong thing"),
    ],
)
def test_a_wrong_figure_is_replaced_where_the_right_one_is_clear(text: str, wrong: str, fix: str) -> None:
    (finding,) = check(text).findings
    assert (finding.text, finding.fix) == (wrong, fix)
    if fix:
        assert not check(text.replace(wrong, fix)).findings
