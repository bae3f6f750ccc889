"""What the knowledge graph is made of, and how names become IRIs and back. Knows nothing of stores, files or products.

A statement's provenance (source, confidence, industries) is the named graph it lies in; the graphs are described in
the default graph. So one look-up of an entity's quads brings everything that is known of each statement.
"""

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

IS_A, ALIAS = "属于", "同义"
ENTITY, RELATION = "urn:copygen:entity:", "urn:copygen:relation:"
KIND, GRAPH, ABOUT = "urn:copygen:kind:", "urn:copygen:graph:", "urn:copygen:about:"
RDF_TYPE = "http://www.w3.org/1999/02/22-rdf-syntax-ns#type"
RDFS_LABEL = "http://www.w3.org/2000/01/rdf-schema#label"
SKOS = "http://www.w3.org/2004/02/skos/core#"
ALT_LABEL = f"{SKOS}altLabel"
LABELS = (RDFS_LABEL, f"{SKOS}prefLabel", "https://schema.org/name", "http://schema.org/name")
ALIASES = (ALT_LABEL, "https://schema.org/alternateName", "http://schema.org/alternateName")
PARENTS = (
    f"{RELATION}{IS_A}",
    f"{SKOS}broader",
    "http://www.w3.org/2000/01/rdf-schema#subClassOf",
    "https://schema.org/category",
    "http://schema.org/category",
)
_NOT_RELATIONS = ("http://www.w3.org/", "http://schema.org/", "https://schema.org/", "http://purl.org/")
"""Predicates of these vocabularies describe the record, not the product; nothing of them is told."""
_NOT_IN_IRI = re.compile(r'[\x00-\x20<>"{}|\\^`%\x7f]')


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where statements come from and how far they hold."""

    source: str
    confidence: str = "high"
    """high: true by definition; medium: true of most, to be told only where the product's attributes support it."""
    industries: tuple[str, ...] = ()

    @property
    def graph(self) -> str:
        """IRI of the named graph; the same provenance always gets the same graph, so loading twice adds nothing."""
        return mint(GRAPH, "/".join((self.source, self.confidence, "+".join(self.industries))))


UNKNOWN = Provenance("given")


@dataclass(frozen=True, slots=True)
class Triple:
    """One row of an import: names, not IRIs. Relation 属于 makes a hierarchy, 同义 an alias."""

    subject: str
    relation: str
    object: str
    kind: str = ""
    """What the subject is: 材质, 品类, 颜色, …"""
    confidence: str = "high"
    industries: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Statement:
    """Something an entity is said to be, with its provenance."""

    subject: str
    relation: str
    object: str
    provenance: Provenance = UNKNOWN

    @property
    def id(self) -> str:
        """Stable over loads and machines: commerce:3f2a90c1d4."""
        text = "\t".join((self.subject, self.relation, self.object))
        return f"{self.provenance.source}:{hashlib.blake2s(text.encode(), digest_size=5).hexdigest()}"


@dataclass(frozen=True, slots=True)
class Entity:
    """A thing products are made of, belong to, or are for."""

    name: str
    kind: str = ""
    aliases: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()
    """Names one step up the 属于 hierarchy."""
    statements: tuple[Statement, ...] = ()
    industries: tuple[str, ...] = ()
    """Where it is at home, the main one first; empty where the graph does not say."""


def mint(prefix: str, name: str) -> str:
    """IRI of a name: Chinese stays readable, only what an IRI may not hold is escaped."""
    return prefix + _NOT_IN_IRI.sub(lambda m: f"%{ord(m.group()):02X}", name)


def local_name(iri: str) -> str:
    """The name in an IRI: what `mint` put there, else the part after the last '#', '/' or ':'."""
    for prefix in (ENTITY, RELATION, KIND, GRAPH):
        if iri.startswith(prefix):
            return unquote(iri[len(prefix) :])
    return unquote(re.split(r"[#/:]", iri.rstrip("#/:"))[-1])


def is_relation(predicate: str) -> bool:
    """Whether a predicate says something about the entity, rather than about its record."""
    return not predicate.startswith(_NOT_RELATIONS)


def merge(upper: Entity, lower: Entity) -> Entity:
    """One entity of two layers: a relation the upper states hides what the lower states for it."""
    stated = {statement.relation for statement in upper.statements}
    return Entity(
        name=upper.name,
        kind=upper.kind or lower.kind,
        aliases=_union(upper.aliases, (lower.name, *lower.aliases), without=upper.name),
        parents=upper.parents or lower.parents,
        statements=upper.statements + tuple(s for s in lower.statements if s.relation not in stated),
        industries=_union(upper.industries, lower.industries),
    )


def _union(first: Iterable[str], second: Iterable[str], without: str = "") -> tuple[str, ...]:
    return tuple(name for name in dict.fromkeys((*first, *second)) if name != without)
