"""How fast is the knowledge graph when it is large: loading, and linking + ranking one product?

    python -m benchmarks.knowledge                  # 1 M and 5 M generated triples, about ten minutes
    python -m benchmarks.knowledge --triples 50000  # a trial with 50,000 and 250,000; nothing is saved

The generated graph has the shape of the built-in one: an entity has a name, a kind, an alias, a parent and eight
statements. It lies on disk. Each product names a category and six entities, none named by another product, so no
figure comes out of a warm cache.
"""

import argparse
import random
import resource
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from copygen import triples as t
from copygen.brief import Brief, Product
from copygen.graph import KnowledgeGraph
from copygen.triple_store import EmbeddedStore
from copygen.triples import Triple

from benchmarks.report import Figure, finish

FULL_TRIPLES = 1_000_000
GROWTH = 5
PER_ENTITY = 12
"""Quads of one entity: label, kind, alias, parent and eight statements."""
PRODUCTS = 400
WARM_UP = 20
"""Products linked before the clock starts: word lists and the automaton are loaded by the first."""
KINDS = ("材质", "工艺", "部件", "技术", "功能", "成分")
INDUSTRIES = ("女装", "男装", "家居家纺", "数码影音", "厨房小电", "美妆护肤", "母婴", "运动户外", "宠物用品", "茶酒")
RELATIONS = ("优点", "功效体验", "适合人群", "适合场景", "解决痛点", "工艺特点", "注意", "护理方法")
SYLLABLES = (
    "云雾松竹梅兰荷露霜雪晴岚溪湖江海山石玉金银铜丝绸锦缎棉麻绒羽皮革木藤陶瓷釉漆光影声波电磁热冷轻柔韧坚净清鲜香甘醇"
)


def name_of(number: int, size: int = 5) -> str:
    """A name of `size` characters, a different one for every number below 60 to the size."""
    letters = []
    for _ in range(size):
        number, digit = divmod(number, len(SYLLABLES))
        letters.append(SYLLABLES[digit])
    return "".join(letters)


def entity_name(number: int) -> str:
    return name_of(number * 7919 % len(SYLLABLES) ** 5)


def triples(entities: int, chance: random.Random) -> Iterator[Triple]:
    """Ten rows an entity; with its label and kind twelve quads."""
    for number in range(entities):
        subject, is_goods = entity_name(number), number % 20 == 0
        kind = "品类" if is_goods else KINDS[number % len(KINDS)]
        industries = (INDUSTRIES[number % len(INDUSTRIES)],)
        yield Triple(subject, t.ALIAS, f"{subject}款", kind, "high", industries)
        if number:
            yield Triple(subject, t.IS_A, entity_name(number // 8), kind, "high", industries)
        for relation in RELATIONS:
            text = name_of(chance.randrange(10**9), 8)
            yield Triple(subject, relation, text, kind, "high" if relation != "功效体验" else "medium", industries)


def products(entities: int, count: int, chance: random.Random) -> list[Brief]:
    """Briefs whose products name a category and six entities of the graph."""
    picked = iter(chance.sample(range(entities), min(entities, 7 * count)))
    briefs = []
    for _ in range(count):
        names = [entity_name(next(picked)) for _ in range(7)]
        attributes = dict(zip(("面料", "工艺", "部件", "功能", "成分"), names[2:], strict=True))
        attributes |= {"颜色": "雾霾蓝、奶油白", "尺码": "S/M/L/XL", "货号": "KG-0001", "适用季节": "春夏"}
        product = Product(name=f"新品 {names[0]} 通勤款", category=names[1], attributes=attributes, price="199元")
        briefs.append(Brief(products=(product,), channel="note", audience="久坐的上班族", phase="种草"))
    return briefs


def write_nquads(path: Path, rows: Iterator[Triple]) -> int:
    """The statements as N-Quads; returns how many."""
    count = 0
    with path.open("w", encoding="utf-8") as out:
        for row in rows:
            subject, relation = t.mint(t.ENTITY, row.subject), t.mint(t.RELATION, row.relation)
            out.write(f'<{subject}> <{relation}> "{row.object}" <{t.GRAPH}generated> .\n')
            count += 1
    return count


def measure(size: int, folder: Path) -> dict[str, object]:
    """Load a graph of `size` quads both ways, then link and rank."""
    entities = size // PER_ENTITY
    rdf = folder / "graph.nq"
    rows = write_nquads(rdf, triples(entities, random.Random(1)))
    began = time.perf_counter()
    KnowledgeGraph(EmbeddedStore(folder / "rdf")).load(rdf)
    rdf_per_s = rows / (time.perf_counter() - began)
    rdf.unlink()

    store = EmbeddedStore(folder / "kg")
    graph = KnowledgeGraph(store)
    generated = list(triples(entities, random.Random(1)))  # made before the clock starts
    began = time.perf_counter()
    graph.add(generated, source="generated")
    rows_per_s = len(store) / (time.perf_counter() - began)
    del generated

    briefs = products(entities, PRODUCTS + WARM_UP, random.Random(2))
    began = time.perf_counter()
    graph.facts_for(briefs[0])
    lexicon_s = time.perf_counter() - began
    for brief in briefs[1:WARM_UP]:
        graph.facts_for(brief)
    times_ms, told = [], 0
    for brief in briefs[WARM_UP:]:
        began = time.perf_counter()
        facts = graph.facts_for(brief)
        times_ms.append((time.perf_counter() - began) * 1000)
        told += len(facts)
    return {
        "triples": len(store),
        "RDF in, triples/s": rdf_per_s,
        "rows in, triples/s": rows_per_s,
        "lexicon s": lexicon_s,
        "p50 ms": statistics.median(times_ms),
        "p95 ms": statistics.quantiles(times_ms, n=20)[-1],
        "facts": told / len(times_ms),
        "peak MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--triples", type=int, default=FULL_TRIPLES, help="size of the smaller graph, in triples")
    size = parser.parse_args().triples
    rows = []
    for triples_wanted in (size, size * GROWTH):
        with tempfile.TemporaryDirectory() as folder:
            rows.append(measure(triples_wanted, Path(folder)))
    small, large = ({key: float(str(value)) for key, value in row.items()} for row in rows)
    figures = {
        "link_rank_p50_ms": Figure(small["p50 ms"], 2.0, "lower", "ms"),
        "link_rank_p50_growth": Figure(large["p50 ms"] / small["p50 ms"], 1.2, "lower", "x"),
        "load_rdf_triples_per_s": Figure(min(small["RDF in, triples/s"], large["RDF in, triples/s"]), 100_000),
        "load_rows_triples_per_s": Figure(min(small["rows in, triples/s"], large["rows in, triples/s"]), 100_000),
        "facts_per_product": Figure(small["facts"], 4),
        "peak_rss_mib": Figure(large["peak MiB"], None, "lower", "MiB"),
    }
    return finish("knowledge", rows, figures, save=size == FULL_TRIPLES)


if __name__ == "__main__":
    sys.exit(main())
