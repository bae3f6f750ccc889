"""Where triples live: what the graph needs of a store, and an embedded store in memory or on disk.

Knows nothing of products; `copygen.graph` puts meaning on top. `copygen.sparql_endpoint` is the same over HTTP.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Protocol

import pyoxigraph as ox

from copygen import triples as t
from copygen.errors import InvalidFile, InvalidSetting
from copygen.triples import Entity, Provenance, Statement, Triple

Row = dict[str, str]
Link = tuple[str, str, bool, str]
"""Of one subject: predicate, object, whether the object is an IRI, named graph."""
PROVENANCE = f"SELECT ?g ?key ?value WHERE {{ ?g ?key ?value FILTER(STRSTARTS(STR(?key), '{t.ABOUT}')) }}"
LANGUAGE_TAGS = ("", "zh", "zh-cn", "zh-hans", "zh-hant", "zh-tw", "zh-hk", "cmn")


class TripleStore(Protocol):
    """What the knowledge graph needs of a store."""

    def names(self) -> Iterator[tuple[str, str]]:
        """Every (IRI, name or alias) of the entities that have one."""
        ...

    def about(self, iri: str) -> Entity:
        """Everything stated of one entity."""
        ...

    def query(self, sparql: str) -> list[Row]:
        """The solutions of a SELECT; of an ASK one row {"answer": "true"}."""
        ...

    def close(self) -> None:
        """Give back connections; the store is not used afterwards."""
        ...


def entity_of(
    iri: str, links: Iterable[Link], provenance: Mapping[str, Provenance], label: Callable[[str], str]
) -> Entity:
    """Put together what the quads of one subject say."""
    names: list[str] = []
    aliases: list[str] = []
    parents: list[str] = []
    kind = ""
    said: list[tuple[str, str, Provenance]] = []
    industries: dict[str, None] = {}
    for predicate, value, is_iri, graph in links:
        if predicate in t.LABELS:
            names.append(value)
        elif predicate in t.ALIASES:
            aliases.append(value)
        elif predicate in t.PARENTS:
            parents.append(label(value) if is_iri else value)
        elif predicate == t.RDF_TYPE:
            kind = t.local_name(value)
        elif t.is_relation(predicate):
            said.append((t.local_name(predicate), label(value) if is_iri else value, provenance.get(graph, t.UNKNOWN)))
        industries.update(dict.fromkeys(provenance.get(graph, t.UNKNOWN).industries))
    name = t.local_name(iri) if iri.startswith(t.ENTITY) else (min(names) if names else t.local_name(iri))
    return Entity(
        name=name,
        kind=kind,
        aliases=tuple(dict.fromkeys(other for other in (*names, *aliases) if other != name)),
        parents=tuple(dict.fromkeys(parents)),
        statements=tuple(Statement(name, relation, value, where) for relation, value, where in said),
        industries=tuple(industries),
    )


def provenances(rows: Iterable[Row]) -> dict[str, Provenance]:
    facts: dict[str, dict[str, list[str]]] = {}
    for row in rows:
        facts.setdefault(row["g"], {}).setdefault(row["key"].removeprefix(t.ABOUT), []).append(row["value"])
    return {
        graph: Provenance(
            source=about.get("source", [t.UNKNOWN.source])[0],
            confidence=about.get("confidence", ["high"])[0],
            industries=tuple(filter(None, about.get("industries", [""])[0].split("|"))),
        )
        for graph, about in facts.items()
    }


class EmbeddedStore:
    """An Oxigraph store in this process, in memory or in a folder."""

    def __init__(self, path: Path | None = None, *, read_only: bool = False) -> None:
        """Open or create.

        Args:
            path: Folder of the store; None keeps everything in memory.
            read_only: Let several processes read one folder; nobody may write meanwhile.

        Raises:
            InvalidSetting: The folder cannot be opened, or another process writes to it.
        """
        self._read_only = read_only
        try:
            if path is None:
                self._store = ox.Store()
            elif read_only:
                self._store = ox.Store.read_only(str(path))
            else:
                path.mkdir(parents=True, exist_ok=True)
                self._store = ox.Store(str(path))
        except OSError as error:
            raise InvalidSetting(f"{path} cannot be opened as a graph: {error}", name="graph path") from error
        self._provenance = provenances(self.query(PROVENANCE))

    def __len__(self) -> int:
        return len(self._store)

    def add(self, triples: Iterable[Triple], source: str) -> int:
        """Load rows in bulk; returns how many. Rows of one subject in a row load faster."""
        count = 0
        graphs: dict[tuple[str, tuple[str, ...]], tuple[ox.NamedNode, Provenance]] = {}
        relations: dict[str, ox.NamedNode] = {t.ALIAS: ox.NamedNode(t.ALT_LABEL)}
        labelled: set[str] = set()
        typed: set[str] = set()

        def quads() -> Iterator[ox.Quad]:
            nonlocal count
            label, rdf_type = ox.NamedNode(t.RDFS_LABEL), ox.NamedNode(t.RDF_TYPE)
            name, subject = "", label
            for row in triples:
                count += 1
                key = (row.confidence, row.industries)
                if key not in graphs:
                    about = Provenance(source, *key)
                    graphs[key] = ox.NamedNode(about.graph), about
                graph = graphs[key][0]
                if row.subject != name:
                    name, subject = row.subject, ox.NamedNode(t.mint(t.ENTITY, row.subject))
                    if name not in labelled:
                        labelled.add(name)
                        yield ox.Quad(subject, label, ox.Literal(name), graph)
                if row.kind and name not in typed:
                    typed.add(name)
                    yield ox.Quad(subject, rdf_type, ox.NamedNode(t.mint(t.KIND, row.kind)), graph)
                if row.relation not in relations:
                    relations[row.relation] = ox.NamedNode(t.mint(t.RELATION, row.relation))
                is_a = row.relation == t.IS_A
                value = ox.NamedNode(t.mint(t.ENTITY, row.object)) if is_a else ox.Literal(row.object)
                yield ox.Quad(subject, relations[row.relation], value, graph)

        self._store.bulk_extend(quads())
        for graph, about in graphs.values():
            self._describe(graph, about)
        return count

    def load_rdf(self, path: Path, rdf_format: ox.RdfFormat, source: str) -> int:
        """Load an RDF file in bulk; its triples go to the source's own graph. Returns how many quads are new.

        Raises:
            InvalidFile: The file is missing or its syntax is wrong.
        """
        about = Provenance(source)
        graph = ox.NamedNode(about.graph)
        before = len(self._store)
        try:
            holds_graphs = rdf_format.supports_datasets and rdf_format != ox.RdfFormat.JSON_LD
            target = None if holds_graphs else graph
            self._store.bulk_load(path=str(path), format=rdf_format, to_graph=target, base_iri=f"{t.GRAPH}{path.name}/")
        except SyntaxError as error:
            raise InvalidFile(f"not {rdf_format.name}: {error.msg}", path=str(path), line=error.lineno) from error
        except OSError as error:
            raise InvalidFile(str(error), path=str(path)) from error
        added = len(self._store) - before
        self._describe(graph, about)
        return added

    def _describe(self, graph: ox.NamedNode, about: Provenance) -> None:
        self._provenance[graph.value] = about
        values = {"source": about.source, "confidence": about.confidence, "industries": "|".join(about.industries)}
        for key, value in values.items():
            self._store.add(ox.Quad(graph, ox.NamedNode(t.ABOUT + key), ox.Literal(value)))

    def names(self) -> Iterator[tuple[str, str]]:
        for predicate in (*t.LABELS, *t.ALIASES):
            for quad in self._store.quads_for_pattern(None, ox.NamedNode(predicate), None, None):
                if (
                    isinstance(quad.subject, ox.NamedNode)
                    and isinstance(quad.object, ox.Literal)
                    and (quad.object.language or "") in LANGUAGE_TAGS
                ):
                    yield quad.subject.value, quad.object.value

    def _label(self, iri: str) -> str:
        if not iri.startswith(t.ENTITY):
            for predicate in t.LABELS:
                for quad in self._store.quads_for_pattern(ox.NamedNode(iri), ox.NamedNode(predicate), None, None):
                    if isinstance(quad.object, ox.Literal):
                        return quad.object.value
        return t.local_name(iri)

    def about(self, iri: str) -> Entity:
        links: list[Link] = []
        for quad in self._store.quads_for_pattern(ox.NamedNode(iri), None, None, None):
            value, graph = quad.object, quad.graph_name
            if isinstance(value, ox.NamedNode | ox.Literal):
                place = graph.value if isinstance(graph, ox.NamedNode) else ""
                links.append((quad.predicate.value, value.value, isinstance(value, ox.NamedNode), place))
        return entity_of(iri, links, self._provenance, self._label)

    def query(self, sparql: str) -> list[Row]:
        """Raises InvalidSetting when the text is not SPARQL, or asks for triples instead of rows."""
        try:
            # One pattern sees every source: that is what a person who queries the graph means.
            answer = self._store.query(sparql, use_default_graph_as_union=True)
        except SyntaxError as error:
            raise InvalidSetting(f"not SPARQL: {error.msg}", name="query") from error
        if isinstance(answer, ox.QueryBoolean):
            return [{"answer": str(bool(answer)).lower()}]
        if not isinstance(answer, ox.QuerySolutions):
            raise InvalidSetting("CONSTRUCT and DESCRIBE return triples; ask with SELECT or ASK", name="query")
        names = [variable.value for variable in answer.variables]
        return [
            {name: getattr(term, "value", str(term)) for name in names if (term := row[name]) is not None}
            for row in answer
        ]

    def close(self) -> None:
        if not self._read_only:
            self._store.flush()
