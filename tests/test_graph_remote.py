"""The graph behind a real SPARQL server: `oxigraph serve`, started by the test."""

import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from copygen.brief import Product
from copygen.errors import EngineUnavailable, InvalidSetting
from copygen.graph import BUILTIN, KnowledgeGraph
from copygen.triples import Triple

DATA = Path(__file__).parent / "data" / "kg"
DRESS = Product(
    name="南枝 吊带连衣裙",
    brand="南枝",
    category="连衣裙",
    attributes={"面料": "天丝", "颜色": "雾霾蓝", "适用季节": "夏"},
)


def told(graph: KnowledgeGraph, name: str) -> set[tuple[str, str]]:
    entity = graph.entity(name)
    assert entity is not None, f"{name} is not in the graph"
    return {(statement.relation, statement.object) for statement in entity.statements}


@pytest.fixture(scope="module")
def endpoint(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`oxigraph serve` over a graph with the built-in triples and a merchant's Turtle."""
    binary = shutil.which("oxigraph", path=str(Path(sys.executable).parent)) or shutil.which("oxigraph")
    if binary is None:
        pytest.skip("the oxigraph server is not installed: pip install oxigraph")
    folder = tmp_path_factory.mktemp("served")
    graph = KnowledgeGraph.embedded(folder)
    for name in ("commerce.tsv", "aliases.tsv"):
        graph.load(BUILTIN / name, source=name.removesuffix(".tsv"))
    graph.load(DATA / "merchant.ttl", source="shop")
    del graph
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen(
        [binary, "serve-read-only", "--location", str(folder), "--bind", f"127.0.0.1:{port}"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    url = f"http://127.0.0.1:{port}/query"
    try:
        for _ in range(100):
            try:
                httpx.post(url, data={"query": "ASK {}"}).raise_for_status()
                break
            except httpx.HTTPError:
                assert server.poll() is None, "oxigraph serve ended"
                time.sleep(0.1)
        yield url
    finally:
        server.terminate()
        server.wait(timeout=10)


def test_a_remote_graph_answers_as_the_embedded_one(endpoint: str) -> None:
    remote = KnowledgeGraph.remote(endpoint)
    local = KnowledgeGraph.embedded()
    for name in ("commerce.tsv", "aliases.tsv"):
        local.load(BUILTIN / name, source=name.removesuffix(".tsv"))
    local.load(DATA / "merchant.ttl", source="shop")
    counting = "SELECT (COUNT(*) AS ?n) { GRAPH ?g { ?s <urn:copygen:relation:优点> ?o } }"
    assert remote.query(counting) == local.query(counting)
    assert remote.query("ASK { GRAPH ?g { ?s ?p '冷水轻柔手洗后阴干' } }") == [{"answer": "true"}]
    assert told(remote, "云锦棉") == told(local, "云锦棉") == {("优点", "织纹细密手感蓬松"), ("搭配", "店家麻")}
    assert remote.facts_for(DRESS) == local.facts_for(DRESS) != []
    assert remote.ancestors("精梳棉") == local.ancestors("精梳棉")
    assert remote.stats() == local.stats()
    with pytest.raises(InvalidSetting, match="refused"):
        remote.query("SELECT nonsense")
    with pytest.raises(TypeError, match="read only"):
        remote.add([Triple("a", "优点", "b")], source="shop")
    remote.close()


def test_a_remote_graph_that_is_away_is_unavailable() -> None:
    with pytest.raises(EngineUnavailable, match="no answer"):
        KnowledgeGraph.remote("http://127.0.0.1:9/query", timeout_s=0.5)
