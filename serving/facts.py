"""The facts a brief gets when it brings none: the built-in commerce graph's."""

from collections.abc import Sequence

from copygen.brief import Brief, Fact
from copygen.graph import builtin_graph


def graph_facts(brief: Brief) -> Sequence[Fact]:
    """A FactSource over the built-in graph; at most four facts, each with its id and source."""
    return builtin_graph().facts_for(brief)
