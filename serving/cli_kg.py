"""`copygen kg`: load, look into and explain the knowledge graph."""

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from copygen.brief import read_brief
from copygen.errors import InvalidFile
from copygen.graph import KnowledgeGraph, builtin_graph

from serving.cli_input import friendly, read_record

kg = typer.Typer(no_args_is_help=True, help="The knowledge graph behind the facts.")
out = Console()

StoreFlag = Annotated[Path | None, typer.Option(help="Folder of your own graph; the built-in one is always below it.")]
RemoteFlag = Annotated[str | None, typer.Option(help="URL of a SPARQL endpoint, instead of a folder.")]


def _graph(store: Path | None, remote: str | None = None) -> KnowledgeGraph:
    if remote is not None:
        return KnowledgeGraph.remote(remote)
    if store is None:
        return builtin_graph()
    if not store.is_dir():
        raise InvalidFile("no graph there; make one with `copygen kg load FILE --store FOLDER`", path=str(store))
    return builtin_graph().with_own(KnowledgeGraph.embedded(store, read_only=True))


@kg.command()
@friendly
def load(
    file: Annotated[Path, typer.Argument(help="Turtle, N-Triples, JSON-LD, CSV or TSV triples, schema.org products.")],
    store: Annotated[Path, typer.Option(help="Folder of your graph; made when missing.")],
    source: Annotated[str | None, typer.Option(help="Where the facts come from; default is the file name.")] = None,
) -> None:
    """Load a file of facts into a graph of your own."""
    if not file.is_file():
        raise InvalidFile("no such file", path=str(file))
    graph = KnowledgeGraph.embedded(store)
    try:
        count = graph.load(file, source=source)
    finally:
        graph.close()
    out.print(f"{count} triples -> {store}", highlight=False)


@kg.command()
@friendly
def stats(store: StoreFlag = None, remote: RemoteFlag = None) -> None:
    """Count what the graph knows."""
    for layer in _graph(store, remote).stats():
        out.print(
            f"[bold]{', '.join(layer.sources) or 'empty'}[/bold]: {layer.statements} statements about "
            f"{layer.entities} entities, {layer.names} names",
            highlight=False,
        )
        out.print(" ".join(f"{relation} {count}" for relation, count in layer.relations.items()), highlight=False)


@kg.command()
@friendly
def query(
    sparql: Annotated[str, typer.Argument(help="A SPARQL SELECT query.")],
    store: StoreFlag = None,
    remote: RemoteFlag = None,
) -> None:
    """Run a SPARQL query."""
    rows = _graph(store, remote).query(sparql)
    if not rows:
        out.print("no rows")
        return
    table = Table(*map(str, rows[0]))
    for row in rows:
        table.add_row(*map(str, row.values()))
    out.print(table)


@kg.command()
@friendly
def explain(
    product: Annotated[str, typer.Argument(help="JSON file of a product or a brief; - reads standard input.")],
    store: StoreFlag = None,
    k: Annotated[int, typer.Option("-k", min=1, max=20, help="How many facts.")] = 4,
) -> None:
    """Say which words of a product mean what, which facts follow, and why in this order."""
    record = read_record(product)
    brief, _ = read_brief({"channel": "discover", **record})
    explanation = _graph(store).explain(brief, k)
    words = Table("word", "field", "entity", "kind", "taken", title="links")
    for linked in explanation.linked:
        for link in linked.links:
            where, entity = link.mention, link.entity
            taken = "yes" if link.accepted else f"no: {link.why}"
            words.add_row(where.word, where.field, entity.name, entity.kind, taken)
    out.print(words)
    chosen = set(explanation.facts)
    facts = Table("fact", "source", "score", "why", title="facts")
    for ranked in explanation.weighed:
        statement = ranked.statement
        why = ranked.refusal or " · ".join(ranked.reasons)
        facts.add_row(
            f"{statement.subject} {statement.relation} {statement.object}",
            statement.provenance.source,
            f"{ranked.score:.2f}{' *' if ranked in chosen else ''}",
            why,
        )
    out.print(facts)
    out.print("* enters the prompt", style="dim")
