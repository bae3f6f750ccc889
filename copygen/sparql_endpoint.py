"""A graph behind a SPARQL 1.1 endpoint, asked over HTTP. Knows the protocol, not what the graph says."""

from collections.abc import Iterator

import httpx

from copygen import triples as t
from copygen.errors import EngineUnavailable, InvalidSetting
from copygen.triple_store import LANGUAGE_TAGS, PROVENANCE, Link, Row, entity_of, provenances
from copygen.triples import Entity

_EVERYWHERE = "{{ {0} }} UNION {{ GRAPH ?g {{ {0} }} }}"


def _bindings(answer: dict[str, object]) -> list[dict[str, dict[str, str]]]:
    results = answer.get("results")
    return results["bindings"] if isinstance(results, dict) else []


class RemoteStore:
    """A SPARQL 1.1 endpoint over HTTP."""

    def __init__(self, url: str, *, timeout_s: float = 10.0) -> None:
        self._url = url
        self._client = httpx.Client(timeout=timeout_s)
        try:
            self._provenance = provenances(self.query(PROVENANCE))
        except BaseException:
            self._client.close()
            raise

    def _ask(self, sparql: str) -> dict[str, object]:
        try:
            response = self._client.post(
                self._url, data={"query": sparql}, headers={"Accept": "application/sparql-results+json"}
            )
            if response.status_code == httpx.codes.BAD_REQUEST:
                raise InvalidSetting(f"{self._url} refused it: {response.text.strip()[:300]}", name="query")
            response.raise_for_status()
            answer: dict[str, object] = response.json()
        except (httpx.HTTPError, ValueError) as error:
            raise EngineUnavailable(f"the SPARQL endpoint {self._url} gave no answer: {error}") from error
        return answer

    def query(self, sparql: str) -> list[Row]:
        """Raises InvalidSetting when the endpoint refuses the text, EngineUnavailable when it does not answer."""
        answer = self._ask(sparql)
        if "boolean" in answer:
            return [{"answer": str(answer["boolean"]).lower()}]
        return [{name: term["value"] for name, term in row.items()} for row in _bindings(answer)]

    def names(self) -> Iterator[tuple[str, str]]:
        predicates = " ".join(f"<{iri}>" for iri in (*t.LABELS, *t.ALIASES))
        where = _EVERYWHERE.format("?iri ?p ?name")
        tags = ", ".join(f'"{tag}"' for tag in LANGUAGE_TAGS)
        text = (
            f"SELECT DISTINCT ?iri ?name WHERE {{ VALUES ?p {{ {predicates} }} {where} "
            f"FILTER(isIRI(?iri) && isLiteral(?name) && LCASE(LANG(?name)) IN ({tags})) }}"
        )
        return ((row["iri"], row["name"]) for row in self.query(text))

    def _label(self, iri: str) -> str:
        if not iri.startswith(t.ENTITY):
            predicates = " ".join(f"<{label}>" for label in t.LABELS)
            where = _EVERYWHERE.format(f"<{iri}> ?p ?name")
            rows = self.query(f"SELECT ?name WHERE {{ VALUES ?p {{ {predicates} }} {where} }} LIMIT 1")
            if rows:
                return rows[0]["name"]
        return t.local_name(iri)

    def about(self, iri: str) -> Entity:
        rows = _bindings(self._ask(f"SELECT DISTINCT ?p ?o ?g WHERE {{ {_EVERYWHERE.format(f'<{iri}> ?p ?o')} }}"))
        placed = {(row["p"]["value"], row["o"]["value"]) for row in rows if "g" in row}
        links: list[Link] = []
        for row in rows:
            predicate, value = row["p"]["value"], row["o"]
            # An endpoint that shows all graphs as its default graph returns each triple twice: keep the placed one.
            if value["type"] != "bnode" and ("g" in row or (predicate, value["value"]) not in placed):
                place = row["g"]["value"] if "g" in row else ""
                links.append((predicate, value["value"], value["type"] == "uri", place))
        return entity_of(iri, links, self._provenance, self._label)

    def close(self) -> None:
        self._client.close()
