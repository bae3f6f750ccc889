"""What every `copygen` command shares: how input is read, and how expected failures end."""

import json
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import typer
from rich.console import Console

from copygen.errors import CopygenError, InvalidBrief, InvalidFile

from serving.jobs.table_io import parse_json

_BRIEF_FIELDS = ("id", "channel", "tone", "audience", "phase", "lang", "facts", "keywords", "avoid", "industry", "n")

P = ParamSpec("P")


def friendly(command: Callable[P, None]) -> Callable[P, None]:
    """Print expected failures as one line and exit 2."""

    @wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> None:
        try:
            command(*args, **kwargs)
        except CopygenError as error:
            Console(stderr=True).print(f"[red]{error.code}[/red] {error.message}", highlight=False)
            raise typer.Exit(2) from error
        except KeyboardInterrupt:
            raise typer.Exit(130) from None

    return run


def read_record(source: str | None) -> dict[str, object]:
    """A record from a JSON file or standard input; a bare product becomes a record of one product."""
    if source is None:
        return {}
    path = "(standard input)" if source == "-" else source
    try:
        text = sys.stdin.read() if source == "-" else Path(source).read_text(encoding="utf-8-sig")
        record = parse_json(text)
    except OSError as error:
        raise InvalidFile(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise InvalidFile("not UTF-8; save it as UTF-8", path=path) from error
    except json.JSONDecodeError as error:
        raise InvalidFile(f"not JSON: {error.msg}", path=path, line=error.lineno) from error
    if not isinstance(record, dict):
        raise InvalidFile("expected one JSON object: a brief or a product", path=path)
    if "products" in record or "name" not in record:
        return record
    return {k: record.pop(k) for k in _BRIEF_FIELDS if k in record} | {"products": [record]}


def read_pairs(attrs: list[str]) -> list[list[str]]:
    pairs = []
    for entry in attrs:
        name, found, value = entry.partition("=")
        if not found:
            raise InvalidBrief(f"{entry!r} has no value; write --attr 名=值", field="--attr")
        pairs.append([name, value])
    return pairs
