"""Rows and outcomes as bytes of the database and back: compact JSON, never pickles, for others may write there too."""

import json
import zlib
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import Any

from pydantic import TypeAdapter

from copygen.errors import CopygenError, NoGoodCopy
from copygen.finding import Finding
from copygen.write import WriteResult

from serving.jobs.columns import Column
from serving.jobs.job import RowBroken
from serving.jobs.table_io import Row

_COMPRESSION = 3
"""Half the bytes for a twentieth of a millisecond."""

Columns = tuple[Column, ...]


@cache
def _results() -> TypeAdapter[WriteResult]:
    return TypeAdapter(WriteResult)  # takes a moment to build, and every command would wait for it


@cache
def _findings() -> TypeAdapter[tuple[Finding, ...]]:
    return TypeAdapter(tuple[Finding, ...])


def _pack(value: object) -> bytes:
    # ASCII, since JSON of a merchant may hold a lone surrogate, which UTF-8 cannot.
    return zlib.compress(json.dumps(value, separators=(",", ":")).encode("ascii"), _COMPRESSION)


def _unpack(data: bytes) -> Any:
    return json.loads(zlib.decompress(data))


def dump_columns(columns: Columns) -> str:
    return json.dumps([[column.name, column.use] for column in columns])


def load_columns(text: str) -> Columns:
    return tuple(Column(*pair) for pair in json.loads(text))


def dump_row(row: Row, columns: Columns) -> bytes:
    """A row without its file's name; its columns only where they are not those of the job's first row."""
    return _pack(
        {
            "line": row.number,
            "record": row.record,
            "cells": row.cells,
            "extra": row.extra,
            **({"error": _error_dict(row.error)} if row.error is not None else {}),
            **({"columns": dump_columns(row.columns)} if row.columns != columns else {}),
        }
    )


def load_row(data: bytes, file: str, columns: Columns) -> Row:
    stored = _unpack(data)
    return Row(
        stored["line"],
        stored["record"],
        _load_error(stored["error"]) if "error" in stored else None,
        stored["cells"],
        file,
        load_columns(stored["columns"]) if "columns" in stored else columns,
        stored["extra"],
    )


def dump_outcome(result: WriteResult | None, error: CopygenError | None) -> bytes:
    """What became of a row, without rejected candidates and without what the model wrote before it was parsed."""
    if result is None:
        return _pack({"error": _error_dict(error or CopygenError())})
    copies = tuple(replace(candidate, completion="") for candidate in result.copies)
    return _pack({"result": _results().dump_python(replace(result, copies=copies, rejected=()))})


def load_outcome(data: bytes) -> tuple[WriteResult | None, CopygenError | None]:
    stored = _unpack(data)
    if "error" in stored:
        return None, _load_error(stored["error"])
    return _results().validate_python(stored["result"]), None


def _error_dict(error: CopygenError) -> dict[str, Any]:
    facts = {name: value for name, value in vars(error).items() if name != "message"}
    if isinstance(error, NoGoodCopy):
        facts["findings"] = _findings().dump_python(
            tuple(finding for finding in error.findings if isinstance(finding, Finding))
        )
    return {"code": error.code, "message": error.message, "facts": facts}


def _load_error(stored: dict[str, Any]) -> CopygenError:
    """An error with the class, message and attributes it had; its constructor would word the message again."""
    kind = _KINDS.get(stored["code"], CopygenError)
    error = CopygenError.__new__(kind)
    CopygenError.__init__(error, stored["message"])
    vars(error).update(stored["facts"])
    if isinstance(error, NoGoodCopy):
        error.findings = _findings().validate_python(error.findings)
    return error


def _subclasses(kind: type[CopygenError]) -> Iterator[type[CopygenError]]:
    yield kind
    for child in kind.__subclasses__():
        yield from _subclasses(child)


_KINDS = {kind.code: kind for kind in _subclasses(CopygenError)} | {RowBroken.code: RowBroken}
