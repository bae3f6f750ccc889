"""What the words of a product are taken to mean: a labelled set of 200 products, and the rules one by one."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copygen.brief import Brief, Product, read_brief
from copygen.graph import KnowledgeGraph, builtin_graph
from copygen.linking import find_mentions, fold
from copygen.sense import industries_of
from copygen.triples import Triple

LABELLED = Path(__file__).parent / "data" / "kg" / "linking_200.jsonl"


def labelled() -> Iterator[tuple[str, Product, set[str]]]:
    for line in LABELLED.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        brief, _ = read_brief({"channel": "note", "products": [row["product"]]})
        yield row["id"], brief.products[0], set(row["entities"])


def linked(product: Product, industry: str = "") -> set[str]:
    return {entity.name for entity in builtin_graph().link(product, industry=industry).entities}


def test_precision_and_recall_on_the_labelled_set() -> None:
    right = wrong = missed = count = 0
    for name, product, wanted in labelled():
        unknown = [entity for entity in wanted if builtin_graph().entity(entity) is None]
        assert not unknown, f"{name}: label names what is not in the graph: {unknown}"
        found = linked(product)
        right, wrong, missed = right + len(found & wanted), wrong + len(found - wanted), missed + len(wanted - found)
        count += 1
    assert count == 200
    precision, recall = right / (right + wrong), right / (right + missed)
    assert precision >= 0.95 and recall >= 0.85, f"precision {precision:.3f}, recall {recall:.3f}"


MEANINGS = [
    pytest.param("鲜花", {"主花": "白玫瑰11枝"}, "玫瑰", True, id="rose-at-the-florist"),
    pytest.param("沐浴露", {"香型": "玫瑰"}, "玫瑰", False, id="rose-scent"),
    pytest.param("洗衣机", {"容量": "10kg"}, "10公斤容量", True, id="10kg-washer"),
    pytest.param("哑铃", {"规格": "10kg"}, "10公斤容量", False, id="10kg-dumbbell"),
    pytest.param("睡衣", {"面料": "桑蚕丝"}, "桑蚕丝", True, id="silk"),
    pytest.param("睡衣", {"面料": "仿桑蚕丝"}, "桑蚕丝", False, id="imitation-silk"),
    pytest.param("洗发水", {"成分": "不含皂基"}, "皂基", False, id="free-of"),
    pytest.param("电动牙刷", {"防水": "IPX7"}, "IPX7", True, id="code-of-any-industry"),
    pytest.param("除味剂", {"适用": "冰箱"}, "冰箱", False, id="what-it-fits"),
    pytest.param("冰箱", {}, "冰箱", True, id="what-it-is"),
    pytest.param("狗窝", {"填充": "PP棉"}, "棉纤维", False, id="pp-cotton-is-polyester"),
    pytest.param("连衣裙", {"面料": "棉80% 氨纶20%"}, "棉纤维", True, id="cotton-share"),
    pytest.param("手机", {"防护": "三防"}, "三防面料", False, id="rugged-phone"),
    pytest.param("真无线耳机", {"降噪": "主动"}, "主动降噪", True, id="value-and-name-together"),
    pytest.param("耳机", {"蓝牙": "5.3"}, "蓝牙5.3", True, id="name-and-value-together"),
    pytest.param("连衣裙", {"活动": "中秋满减"}, "中秋", False, id="campaign"),
    pytest.param("洋裝", {"材質": "桑蠶絲", "版型": "收腰剪裁"}, "收腰版型", True, id="traditional"),
]


@pytest.mark.parametrize(("category", "attributes", "entity", "meant"), MEANINGS)
def test_meaning(category: str, attributes: dict[str, str], entity: str, meant: bool) -> None:
    assert (entity in linked(Product(name="新品", category=category, attributes=attributes))) is meant


def test_the_category_overrules_the_name() -> None:
    tea = Product(name="安吉白茶", category="绿茶")
    assert linked(tea) == {"绿茶"}


def test_of_two_senses_the_one_of_the_category_is_taken() -> None:
    graph = KnowledgeGraph.embedded()
    graph.add(
        [
            Triple("黑胶唱片", "同义", "黑胶", "品类", industries=("数码影音",)),
            Triple("黑胶唱片", "优点", "模拟声温润", "品类", industries=("数码影音",)),
            Triple("黑胶伞布", "同义", "黑胶", "材质", industries=("运动户外",)),
            Triple("黑胶伞布", "优点", "挡光", "材质", industries=("运动户外",)),
        ],
        source="shop",
    )
    record = graph.link(Product(name="黑胶", category="唱片"))
    tent = graph.link(Product(name="户外伞", category="天幕", attributes={"材质": "黑胶"}))
    assert [entity.name for entity in record.entities] == ["黑胶唱片"]
    assert [entity.name for entity in tent.entities] == ["黑胶伞布"]


def test_the_briefs_industry_counts_where_the_category_is_unknown() -> None:
    product = Product(name="新品", attributes={"规格": "10kg"})
    brief = Brief(products=(product,), channel="note", industry="运动户外")
    assert linked(product, industry="大家电") == {"10公斤容量"}
    assert not builtin_graph().explain(brief).linked[0].entities


SPELLINGS = ["蓝牙5.3", "藍牙 5.3", "蓝牙5.3", "BT5.3", "bt 5.3"]


@pytest.mark.parametrize("spelling", SPELLINGS)
def test_script_case_and_blanks_do_not_matter(spelling: str) -> None:
    brief, _ = read_brief({"channel": "note", "products": [{"name": "耳机", "attributes": {"连接": spelling}}]})
    assert "蓝牙5.3" in linked(brief.products[0])


MENTIONS = [
    pytest.param("长绒棉毛巾", ["长绒棉毛巾"], id="longest"),
    pytest.param("海洋装饰", [], id="across-words"),
    pytest.param("直筒裤", ["直筒"], id="head-of-a-word"),
    pytest.param("泡棉", [], id="single-character-in-a-word"),
    pytest.param("120hz120hzx", ["120hz"], id="latin-not-cut"),
    pytest.param("3110kg", [], id="number-not-cut"),
]


@pytest.mark.parametrize(("text", "words"), MENTIONS)
def test_mentions(text: str, words: list[str]) -> None:
    assert [mention.word for mention in find_mentions(builtin_graph(), "name", text)] == words


@pytest.mark.parametrize(
    ("category", "industries"),
    [("真无线蓝牙耳机", ("数码影音",)), ("連衣裙", ("女装",)), ("衬衫", ("女装", "男装")), ("星舰", ())],
)
def test_industries_of_a_category(category: str, industries: tuple[str, ...]) -> None:
    assert industries_of(category) == industries


def test_explain_says_which_word_and_why() -> None:
    product = Product(name="仿真丝睡衣", category="睡衣", attributes={"颜色": "焦糖色"})
    links = {link.entity.name: link for link in builtin_graph().explain(product).linked[0].links}
    assert (links["桑蚕丝"].accepted, links["桑蚕丝"].why) == (False, "negated or imitated")
    assert links["焦糖色"].accepted and links["焦糖色"].mention.field == "attributes.颜色"


@settings(max_examples=60, deadline=None)
@given(
    st.text(max_size=40),
    st.dictionaries(st.text(min_size=1, max_size=8), st.text(max_size=30), max_size=4),
)
def test_any_text_can_be_linked(name: str, attributes: dict[str, str]) -> None:
    product = Product(name=name, category=name[:5], attributes=attributes)
    for link in builtin_graph().link(product).links:
        assert link.mention.end - link.mention.start == len(link.mention.word)
    for mention in find_mentions(builtin_graph(), "name", name):
        assert fold(name)[mention.start : mention.end] == mention.word
