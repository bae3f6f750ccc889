"""The graph itself: import of every format, layers over one another, tenants apart, and what facts are told."""

from pathlib import Path

import pytest

from copygen.brief import Brief, Product
from copygen.errors import InvalidFile, InvalidSetting
from copygen.facts import coverage, pairs_of
from copygen.graph import BUILTIN, KnowledgeGraph, builtin_graph
from copygen.graph_import import read_triples
from copygen.season import seasons_in
from copygen.triples import Triple

DATA = Path(__file__).parent / "data" / "kg"
DRESS = Product(
    name="南枝 吊带连衣裙",
    brand="南枝",
    category="连衣裙",
    attributes={"面料": "天丝", "颜色": "雾霾蓝", "适用季节": "夏"},
)


def own(*names: str) -> KnowledgeGraph:
    graph = KnowledgeGraph.embedded()
    for name in names:
        graph.load(DATA / name, source="shop")
    return graph


def told(graph: KnowledgeGraph, name: str) -> set[tuple[str, str]]:
    entity = graph.entity(name)
    assert entity is not None, f"{name} is not in the graph"
    return {(statement.relation, statement.object) for statement in entity.statements}


IMPORTS = [
    pytest.param("merchant.csv", "云感布", ("优点", "垂坠如水不挂身"), id="csv-chinese-header"),
    pytest.param("bare.tsv", "加厚绒", ("优点", "绒面密实不透风"), id="tsv-no-header"),
    pytest.param("merchant.ttl", "雲錦棉", ("优点", "织纹细密手感蓬松"), id="turtle"),
    pytest.param("merchant.ttl", "云锦棉", ("搭配", "店家麻"), id="turtle-object-is-an-entity"),
    pytest.param("merchant.nt", "云锦棉", ("优点", "织纹细密手感蓬松"), id="n-triples"),
    pytest.param("merchant.jsonld", "云锦棉", ("优点", "织纹细密手感蓬松"), id="json-ld"),
    pytest.param("product.json", "听潮T1", ("优点", "久戴不夹耳"), id="schema-org-product"),
    pytest.param("product.json", "听潮 T1 开放式耳机", ("重量", "8.5g"), id="schema-org-quantity"),
    pytest.param("product.json", "听潮 T1 开放式耳机", ("防水", "IPX5"), id="schema-org-additional-property"),
    pytest.param("openbg.jsonl", "野餐垫", ("适合场景", "公园草地"), id="openbg-csk"),
    pytest.param("shopify_triples.tsv", "炊具", ("可选属性", "容量"), id="shopify-triples"),
]


@pytest.mark.parametrize(("file", "name", "statement"), IMPORTS)
def test_import(file: str, name: str, statement: tuple[str, str]) -> None:
    assert statement in told(own(file), name)


def test_hierarchy_of_every_kind_of_import() -> None:
    assert own("merchant.ttl").ancestors("云锦棉") == ("店家棉",)
    assert own("product.json").entity("听潮T1").parents == ("开放式耳机",)  # type: ignore[union-attr]
    assert own("shopify_triples.tsv").is_a("炊具", "露营用品")
    assert builtin_graph().ancestors("精梳棉")[:2] == ("棉纤维", "天然纤维素纤维")
    assert builtin_graph().is_a("天丝", "化学纤维")
    assert not builtin_graph().is_a("天丝", "棉纤维")


def test_openbg_keeps_only_what_is_labelled_salient_and_only_as_medium() -> None:
    rows = list(read_triples(DATA / "openbg.jsonl"))
    assert {row.object for row in rows} == {"公园草地", "亲子家庭", "夜钓"}
    assert {row.confidence for row in rows} == {"medium"}


def test_shopify_tells_categories_of_one_name_apart() -> None:
    graph = own("shopify_categories.txt")
    assert {entity.name for entity in graph.senses("配件")} == {"配件（炊具）", "配件（营灯）"}
    assert graph.ancestors("配件（营灯）") == ("营灯", "露营用品")


def test_a_table_as_excel_in_china_writes_it(tmp_path: Path) -> None:
    path = tmp_path / "gbk.csv"
    path.write_bytes("主语,关系,宾语\n云感布,优点,轻\n".encode("gb18030"))
    assert list(read_triples(path)) == [Triple("云感布", "优点", "轻")]


BAD = [
    pytest.param("a.csv", "subject,relation,object\n云感布,优点\n", 2, "2 fields", id="short-row"),
    pytest.param("a.tsv", "subject\trelation\tobject\n云感布\t优点\t\n", 2, "object", id="empty-object"),
    pytest.param("a.csv", "subject,object\n云感布,轻\n", 1, "relation", id="no-relation-column"),
    pytest.param("a.csv", "subject,relation,object,confidence\n云,优点,轻,0.3\n", 2, "high or medium", id="confidence"),
    pytest.param("a.jsonl", '{"subject": "x"}\n', 1, "predicate", id="openbg-field"),
    pytest.param("a.json", "{}", None, "Product", id="json-without-product"),
    pytest.param("a.xyz", "x", None, "known graph format", id="suffix"),
    pytest.param("a.ttl", "<a> <b> .", 1, "Turtle", id="turtle-syntax"),
]


@pytest.mark.parametrize(("name", "text", "line", "says"), BAD)
def test_a_bad_file_is_reported_with_its_line(
    tmp_path: Path, name: str, text: str, line: int | None, says: str
) -> None:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile, match=says) as caught:
        KnowledgeGraph.embedded().load(path)
    assert caught.value.line == line


def test_loading_twice_adds_nothing() -> None:
    once, twice = own("merchant.csv"), own("merchant.csv", "merchant.csv")
    assert once.stats() == twice.stats()
    assert once.stats()[0].statements == 4


def test_builtin_graph_is_whole() -> None:
    stats = builtin_graph().stats()[0]
    rows = sum(
        len((BUILTIN / name).read_text(encoding="utf-8").splitlines()) - 1 for name in ("commerce.tsv", "extra.tsv")
    )
    synonyms = sum(t.relation == "同义" for name in ("commerce.tsv", "extra.tsv") for t in read_triples(BUILTIN / name))
    assert stats.statements == rows - synonyms
    assert stats.names > 1800


def test_own_graph_overrides_and_extends() -> None:
    shop = builtin_graph().with_own(own("merchant.csv"))
    before, after = told(builtin_graph(), "莱赛尔"), told(shop, "天丝")
    assert ("优点", "本店面料经三道水洗更柔软") in after
    assert not {one for one in after if one[0] == "优点"} & before  # stated anew: the built-in 优点 are hidden
    assert {one for one in before if one[0] != "优点"} <= after  # the rest stays
    assert shop.ancestors("云感布")[:2] == ("莱赛尔", "再生纤维素纤维")  # one hierarchy through both layers
    facts = shop.facts_for(DRESS)
    assert any(fact.source == "shop" and "三道水洗" in fact.object for fact in facts)


def test_an_own_name_that_is_an_alias_below_is_the_same_thing() -> None:
    graph = KnowledgeGraph.embedded()
    graph.add([Triple("天丝", "产地特点", "自家工厂织造", "材质")], source="shop")
    entity = builtin_graph().with_own(graph).entity("天丝")
    assert entity is not None and "莱赛尔" in entity.aliases
    assert {"产地特点", "优点"} <= {statement.relation for statement in entity.statements}


def test_tenants_never_mix() -> None:
    first, second = own("merchant.csv", "merchant_aliases.tsv"), own("bare.tsv")
    one, other = builtin_graph().with_own(first), builtin_graph().with_own(second)
    assert one.entity("Cloud Feel") is not None and one.entity("暖绒") is None
    assert other.entity("暖绒") is not None and other.entity("云感布") is None
    assert builtin_graph().entity("云感布") is None
    assert told(other, "莱赛尔") == told(builtin_graph(), "莱赛尔")
    first.add([Triple("暖绒", "优点", "第一家说的")], source="shop")
    assert ("优点", "第一家说的") not in told(other, "暖绒")
    assert other.query('ASK { ?s ?p "第一家说的" }') == [{"answer": "false"}]


def test_on_disk_a_graph_survives_and_several_may_read_it(tmp_path: Path) -> None:
    graph = KnowledgeGraph.embedded(tmp_path / "kg")
    graph.load(DATA / "merchant.csv", source="shop")
    with pytest.raises(InvalidSetting, match="cannot be opened"):
        KnowledgeGraph.embedded(tmp_path / "kg")
    sheet = Product(name="莱赛尔床单", category="床单")
    facts = graph.facts_for(sheet)
    graph.close()
    del graph
    readers = [KnowledgeGraph.embedded(tmp_path / "kg", read_only=True) for _ in range(2)]
    assert [reader.facts_for(sheet) for reader in readers] == [facts, facts]
    for reader in readers:
        reader.close()
    assert facts and facts[0].source == "shop"


def test_a_wrong_query_is_the_callers_mistake() -> None:
    with pytest.raises(InvalidSetting, match="not SPARQL"):
        builtin_graph().query("SELECT nonsense")


# Ranking


def test_at_most_k_facts_with_ids_and_sources() -> None:
    facts = builtin_graph().facts_for(DRESS, k=3)
    assert len(facts) == 3
    assert all(fact.id.startswith("commerce:") and fact.source == "commerce" for fact in facts)
    assert facts == builtin_graph().facts_for(DRESS, k=3)
    assert builtin_graph().facts_for(DRESS, k=0) == []


def test_a_warning_is_never_told() -> None:
    silk = Product(name="真丝衬衫", attributes={"面料": "桑蚕丝"})
    weighed = builtin_graph().explain(silk).weighed
    assert {one.score for one in weighed if one.fact.relation == "注意"} == {0.0}
    assert all(fact.relation not in ("注意", "属于") for fact in builtin_graph().facts_for(silk, k=50))


def test_medium_facts_need_the_attributes() -> None:
    graph = KnowledgeGraph.embedded()
    graph.add([Triple("云感布", "优点", "防水防油", "材质", "medium")], source="shop")
    bare = Product(name="衬衫", attributes={"面料": "云感布"})
    half = Product(name="衬衫", attributes={"面料": "云感布", "功能": "防水"})
    full = Product(name="衬衫", attributes={"面料": "云感布", "功能": "防水防油"})
    assert [len(graph.facts_for(product)) for product in (bare, half, full)] == [0, 1, 1]


def test_season_decides_what_is_timely() -> None:
    crab = Product(name="鲜活大闸蟹", category="大闸蟹")
    assert "节令" not in {fact.relation for fact in builtin_graph().facts_for(crab, k=9)}
    assert "节令" in {fact.relation for fact in builtin_graph().facts_for(crab, k=9, season="中秋")}
    winter = builtin_graph().facts_for(DRESS, k=20, season="冬")
    assert not any("夏" in fact.object for fact in winter)


def test_audience_and_phase_change_the_order() -> None:
    brief = Brief(products=(Product(name="落肩袖V领衬衫", category="衬衫"),), channel="note")
    wide = brief.model_copy(update={"audience": "肩膀偏宽的女生"})
    long = brief.model_copy(update={"audience": "圆脸的上班族"})
    graph = builtin_graph()
    assert graph.facts_for(wide, k=1)[0].object == "肩膀偏宽的女生"
    assert graph.facts_for(long, k=1)[0].object == "圆脸或脖子偏短的人"
    silk = Brief(products=(Product(name="桑蚕丝衬衫", category="衬衫"),), channel="note")
    first = {phase: graph.facts_for(silk.model_copy(update={"phase": phase}), k=1)[0] for phase in ("种草", "爆发")}
    assert (first["种草"].relation, first["爆发"].relation) == ("功效体验", "优点")


def test_a_bundle_takes_turns_and_given_facts_are_not_repeated() -> None:
    pot = Product(name="珐琅锅", category="锅具", attributes={"材质": "铸铁"})
    brief = Brief(products=(DRESS, pot), channel="bundle")
    facts = builtin_graph().facts_for(brief, k=2)
    assert [bool(builtin_graph().is_a(fact.subject, "纺织面料")) for fact in facts] == [True, False]
    again = builtin_graph().facts_for(brief.model_copy(update={"facts": (facts[0],)}), k=2)
    assert facts[0] not in again


def test_traditional_copy_gets_traditional_facts() -> None:
    brief = Brief(products=(DRESS,), channel="note", lang="zh-Hant")
    hans = builtin_graph().facts_for(brief.model_copy(update={"lang": "zh-Hans"}))
    hant = builtin_graph().facts_for(brief)
    assert [fact.id for fact in hant] == [fact.id for fact in hans]
    assert any(a.subject != b.subject or a.object != b.object for a, b in zip(hans, hant, strict=True))


@pytest.mark.parametrize(
    ("text", "is_season", "seasons"),
    [
        ("夏天衣裤闷热", False, {"夏"}),
        ("青春活力", False, set()),
        ("秋冬", True, {"秋", "冬"}),
        ("中秋前后", True, {"中秋"}),
        ("夏威夷果", False, set()),
        ("四季", True, set("春夏秋冬")),
    ],
)
def test_seasons(text: str, is_season: bool, seasons: set[str]) -> None:
    assert seasons_in(text, is_season=is_season) == seasons


@pytest.mark.parametrize(
    ("claim", "text", "share"),
    [("防水防油", "防水", 0.5), ("轻便", "沉重", 0.0), ("缓震", "中底缓震", 1.0), ("", "x", 0.0)],
)
def test_coverage(claim: str, text: str, share: float) -> None:
    assert coverage(claim, pairs_of(text)) == share


# The same questions to a server
