"""The knowledge graph: layers of triples, loaded from files, asked by SPARQL, linked to products, ranked into facts.

A merchant's own graph lies over the built-in one (`with_own`): a relation it states for an entity hides what the
built-in graph states, the rest stays. Layers are never written through, so two merchants share the built-in graph and
nothing else. Knows nothing of prompts and models.
"""

import threading
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from copygen import facts as ranking
from copygen import sense
from copygen.brief import Brief, Fact, Product
from copygen.graph_import import rdf_format, read_triples
from copygen.linking import Lexicon, fold
from copygen.sparql_endpoint import RemoteStore
from copygen.triple_store import EmbeddedStore, Row, TripleStore
from copygen.triples import Entity, Triple, local_name, merge

BUILTIN = Path(__file__).parent / "knowledge"
MAX_DEPTH = 8
"""Steps up the hierarchy; a longer chain is a cycle in a merchant's data."""
_CACHED_ENTITIES = 20_000
_COUNTS = """SELECT ?relation (COUNT(*) AS ?n) WHERE {
  GRAPH ?g { ?s ?relation ?o FILTER(STRSTARTS(STR(?relation), "urn:copygen:relation:")) } } GROUP BY ?relation"""
_SOURCES = "SELECT DISTINCT ?source WHERE { ?g <urn:copygen:about:source> ?source }"


@dataclass(frozen=True, slots=True)
class GraphStats:
    """What one layer holds."""

    statements: int
    """Triples that say something; labels, kinds and aliases not counted."""
    entities: int
    names: int
    """Names and aliases, folded."""
    relations: dict[str, int]
    sources: tuple[str, ...]


class _Layer:
    """One store with its lexicon, built when first asked for."""

    def __init__(self, store: TripleStore) -> None:
        self.store = store
        self._lock = threading.Lock()
        self._lexicon: Lexicon | None = None
        self.about = lru_cache(maxsize=_CACHED_ENTITIES)(store.about)

    @property
    def lexicon(self) -> Lexicon:
        with self._lock:
            if self._lexicon is None:
                self._lexicon = Lexicon(self.store.names())
            return self._lexicon

    def changed(self) -> None:
        with self._lock:
            self._lexicon = None
            self.about.cache_clear()

    def senses(self, word: str) -> list[Entity]:
        return [self.about(iri) for iri in self.lexicon.senses(word)]


class KnowledgeGraph:
    """Entities, what is said of them, and which of it may be told of a product."""

    def __init__(self, store: TripleStore) -> None:
        self._layers: tuple[_Layer, ...] = (_Layer(store),)

    @classmethod
    def embedded(cls, path: Path | None = None, *, read_only: bool = False) -> "KnowledgeGraph":
        """A graph in a folder, or in memory when path is None."""
        return cls(EmbeddedStore(path, read_only=read_only))

    @classmethod
    def remote(cls, url: str, *, timeout_s: float = 10.0) -> "KnowledgeGraph":
        """A graph behind a SPARQL 1.1 endpoint; names are read once, entities when first linked."""
        return cls(RemoteStore(url, timeout_s=timeout_s))

    def with_own(self, own: "KnowledgeGraph") -> "KnowledgeGraph":
        """A new graph with a merchant's own over this one; neither of the two changes."""
        both = KnowledgeGraph.__new__(KnowledgeGraph)
        both._layers = own._layers + self._layers
        return both

    def load(self, path: Path, *, source: str | None = None) -> int:
        """Load a file of any known format into the uppermost layer; returns the number of rows or triples.

        Args:
            source: What facts from this file are ascribed to; the file's name when None.

        Raises:
            InvalidFile: Names the file, the line and the fix.
        """
        name = source or path.stem
        store = self._own_store()
        if found := rdf_format(path):
            count = store.load_rdf(path, found, name)
        else:
            count = store.add(read_triples(path), name)
        self._layers[0].changed()
        return count

    def add(self, triples: Iterable[Triple], *, source: str) -> int:
        """Add rows to the uppermost layer."""
        count = self._own_store().add(triples, source)
        self._layers[0].changed()
        return count

    def close(self) -> None:
        """Give back connections and flush what was written, of the uppermost layer only: the others are shared."""
        self._layers[0].store.close()

    def _own_store(self) -> EmbeddedStore:
        store = self._layers[0].store
        if not isinstance(store, EmbeddedStore):
            raise TypeError("a remote graph is read only: load the data at its server")
        return store

    def query(self, sparql: str) -> list[Row]:
        """Ask the uppermost layer by SPARQL SELECT or ASK; every source in it is seen as one graph."""
        return self._layers[0].store.query(sparql)

    def stats(self) -> tuple[GraphStats, ...]:
        """Figures of every layer, the uppermost first."""
        return tuple(_stats(layer) for layer in self._layers)

    # What linking asks: the names of all layers as one.

    def spans(self, text: str) -> Iterator[tuple[int, int]]:
        """Spans of every name in a folded text."""
        for layer in self._layers:
            yield from layer.lexicon.spans(text)

    def senses(self, word: str) -> list[Entity]:
        """The entities a folded word may mean, merged over the layers, the merchant's first."""
        found = self._layers[0].senses(word)
        for depth, layer in enumerate(self._layers[1:], 1):
            found = [_with_twins(entity, layer) for entity in found]
            known = {name for entity in found for name in (entity.name, *entity.aliases)}
            found += [_under(entity, self._layers[:depth]) for entity in layer.senses(word) if entity.name not in known]
        return found

    def entity(self, name: str) -> Entity | None:
        """The entity of a name or alias; where several share it, the one that bears it as its name."""
        found = self.senses(fold(name))
        return next((entity for entity in found if fold(entity.name) == fold(name)), found[0] if found else None)

    def ancestors(self, name: str) -> tuple[str, ...]:
        """Names up the 属于 hierarchy, the nearest first: 精梳棉 -> 棉纤维, 天然纤维素纤维, 天然纤维, 纺织面料."""
        seen = {name: None}
        level: Sequence[str] = (name,)
        for _ in range(MAX_DEPTH):
            found = (self.entity(each) for each in level)
            level = [up for entity in found if entity for up in entity.parents if up not in seen]
            seen.update(dict.fromkeys(level))
        return tuple(seen)[1:]

    def is_a(self, name: str, ancestor: str) -> bool:
        """Whether one is the other or a kind of it, by any of their names."""
        one, other = self.entity(name), self.entity(ancestor)
        start, goal = one.name if one else name, other.name if other else ancestor
        return start == goal or goal in self.ancestors(start)

    # What the writer asks.

    def link(self, product: Product, *, industry: str = "") -> sense.Linked:
        """Which entities a product speaks of, with the words and the reasons."""
        return sense.link(self, product, industry)

    def facts_for(self, about: Product | Brief, k: int = 4, season: str | None = None) -> list[Fact]:
        """At most k facts worth telling of a product, the best first; a bundle's products take turns.

        Args:
            season: Season or festival the copy is for ('夏', '中秋'); else the product's own 适用季节 counts.
        """
        told = [ranked.fact for ranked in ranking.pick(self, about, k, season)]
        hant = isinstance(about, Brief) and about.lang == "zh-Hant"
        return [ranking.in_hant(fact) for fact in told] if hant else told

    def explain(self, about: Product | Brief, k: int = 4, season: str | None = None) -> "Explanation":
        """The same choice with its reasons: words, entities, and every fact that was weighed."""
        products = about.products if isinstance(about, Brief) else (about,)
        industry = about.industry if isinstance(about, Brief) else ""
        return Explanation(
            linked=tuple(self.link(product, industry=industry) for product in products),
            facts=tuple(ranking.pick(self, about, k, season)),
            weighed=tuple(ranking.weigh_all(self, about, season)),
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """Why these facts: for `copygen kg explain` and the evidence page."""

    linked: tuple[sense.Linked, ...]
    """One a product."""
    facts: tuple[ranking.RankedFact, ...]
    """Those that enter the prompt, the best first."""
    weighed: tuple[ranking.RankedFact, ...]
    """Every candidate with its score and reasons; score 0: not allowed, the reason says why."""


def _with_twins(entity: Entity, layer: _Layer) -> Entity:
    """An upper entity with what a lower layer says of the thing that bears its name."""
    for twin in layer.senses(fold(entity.name)):
        entity = merge(entity, twin)
    return entity


def _under(entity: Entity, above: Sequence[_Layer]) -> Entity:
    """A lower entity with what the layers above say of it under any of its names."""
    for layer in reversed(above):
        names = (entity.name, *entity.aliases)
        twins = [up for name in names for up in layer.senses(fold(name)) if fold(up.name) == fold(name)]
        for twin in dict.fromkeys(twins):
            entity = merge(twin, entity)
    return entity


def _stats(layer: _Layer) -> GraphStats:
    relations = {local_name(row["relation"]): int(row["n"]) for row in layer.store.query(_COUNTS)}
    return GraphStats(
        statements=sum(relations.values()),
        entities=len({iri for iri, _ in layer.store.names()}),
        names=len(layer.lexicon),
        relations=dict(sorted(relations.items(), key=lambda item: -item[1])),
        sources=tuple(sorted(row["source"] for row in layer.store.query(_SOURCES))),
    )


@lru_cache(maxsize=1)
def builtin_graph() -> KnowledgeGraph:
    """The commerce graph that ships with copygen, in memory, loaded once. Never add to it: use `with_own`."""
    graph = KnowledgeGraph.embedded()
    for name in ("commerce", "extra", "aliases"):
        graph.load(BUILTIN / f"{name}.tsv", source="commerce" if name == "extra" else name)
    return graph
