"""Files of briefs in: CSV, TSV, XLSX, JSONL and JSON, streamed row by row.

A row that cannot be read is a Row with an error, in its place; only a file that is no table at all raises.
"""

import csv
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from charset_normalizer import from_bytes

from copygen.errors import CopygenError, InvalidBrief, InvalidFile

from serving.jobs.columns import (
    LEFT_OUT,
    Choice,
    Column,
    assign,
    names_product,
    read_channels,
    record_of,
)
from serving.jobs.xlsx_in import SHEET_ERRORS, xlsx_rows

_HEAD_BYTES = 1 << 18


@dataclass(frozen=True, slots=True)
class Row:
    """One line of input: a record, or why there is none."""

    number: int
    """Line in the file where the row starts, from 1; of an XLSX, the sheet's own row."""
    record: Mapping[str, object] = field(default_factory=dict)
    error: CopygenError | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    """Of a table: the columns as they were, repeated in the output."""
    file: str = ""
    """Name of the file."""
    columns: tuple[Column, ...] = ()
    """What the columns were read as."""
    extra: Mapping[str, str] = field(default_factory=dict)
    """url, campaign and ad_group, where the row gives them: for advertisements."""


def read_rows(path: Path, defaults: Mapping[str, str] | None = None, *, choice: Choice | None = None) -> Iterator[Row]:
    """Yield the rows of a .csv, .tsv, .xlsx, .jsonl or .json file.

    Args:
        defaults: Values for fields a row does not give: channel, tone, lang, …
        choice: What the merchant says of columns. With it, a JSON object without products is read as a row of a
            table too: {"商品名": "…", "续航": "…"}.

    Raises:
        InvalidFile: No such file, an unknown ending, an undecodable text or a header without a name column.
    """
    readers = {".csv": _csv_rows, ".tsv": _csv_rows, ".xlsx": _xlsx_rows, ".jsonl": _jsonl_rows, ".json": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidFile(f"unknown ending {path.suffix!r}; use {', '.join(readers)}", path=str(path))
    if not path.is_file():
        raise InvalidFile("no such file", path=str(path))
    for row in reader(path, choice):
        missing = {k: v for k, v in (defaults or {}).items() if not row.record.get(k)}
        yield replace(row, file=path.name, record=row.record if row.error else {**row.record, **missing})


def spread(rows: Iterable[Row]) -> Iterator[Row]:
    """One row for each channel a row names: '发现好货、种草' is two."""
    for row in rows:
        channels = read_channels(row.record.get("channel")) if row.error is None else []
        if not channels:
            yield row
        for channel in channels:
            yield replace(row, record={**row.record, "channel": channel})


def detect_encoding(path: Path) -> str:
    """utf-8-sig for UTF-8 with or without a mark; otherwise GB 18030 or Big5, whichever the bytes look like."""
    with path.open("rb") as source:
        head = source.read(_HEAD_BYTES)
    try:
        head[: head.rfind(b"\n") + 1 or len(head)].decode("utf-8")
        return "utf-8-sig"
    except UnicodeDecodeError:
        pass
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    best = from_bytes(head, cp_isolation=["gb18030", "big5"]).best()
    return best.encoding if best is not None else "gb18030"


def _lines(path: Path) -> Iterator[str]:
    encoding = detect_encoding(path)
    try:
        with path.open(encoding=encoding, newline="") as source:
            yield from source
    except UnicodeDecodeError as error:
        raise InvalidFile(f"not readable as {encoding}; save it as UTF-8", path=str(path)) from error


def parse_json(text: str) -> object:
    """JSON whose doubled attribute names survive as a list of pairs, for the brief to report.

    Raises:
        json.JSONDecodeError: Not JSON, or numbers or nesting beyond what can be read.
    """

    def pairs(items: list[tuple[str, object]]) -> object:
        names = [name for name, _ in items]
        return dict(items) if len(set(names)) == len(names) else [list(item) for item in items]

    try:
        return json.loads(text, object_pairs_hook=pairs)
    except json.JSONDecodeError:
        raise
    except (ValueError, RecursionError) as error:
        raise json.JSONDecodeError("a number too long or nesting too deep", text, 0) from error


def _jsonl_rows(path: Path, choice: Choice | None) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if not line.strip():
            continue
        try:
            value = parse_json(line)
        except json.JSONDecodeError as error:
            what = f"not JSON: {error.msg} (column {error.colno})"
            yield Row(number, error=InvalidFile(what, path=path.name, line=number))
        else:
            yield _json_row(value, number, path, choice)


def _json_rows(path: Path, choice: Choice | None) -> Iterator[Row]:
    text = "".join(_lines(path))
    try:
        whole = parse_json(text)
    except json.JSONDecodeError as error:
        raise InvalidFile(f"not JSON: {error.msg}", path=str(path), line=error.lineno) from error
    for number, record in enumerate(whole if isinstance(whole, list) else [whole], 1):
        yield _json_row(record, number, path, choice)


def _json_row(value: object, number: int, path: Path, choice: Choice | None) -> Row:
    if not isinstance(value, dict):
        return Row(number, error=InvalidFile("expected a JSON object", path=path.name, line=number))
    if choice is None or not names_product(value, choice):
        return Row(number, value)
    columns = assign(list(value), choice, path.name, whole=False)
    try:
        record, extra = record_of(columns, list(value.values()))
    except InvalidBrief as error:
        return Row(number, error=error, columns=columns)
    return Row(number, record, columns=columns, extra=extra)


def _csv_rows(path: Path, choice: Choice | None) -> Iterator[Row]:
    lines = _lines(path)
    first = next(lines, "")
    delimiter = max(",\t;", key=first.count) if path.suffix.lower() == ".csv" else "\t"
    reader = csv.reader(_chain(first, lines), delimiter=delimiter)
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise InvalidFile(str(error), path=str(path), line=1) from error
    columns = assign(header, choice or Choice(), str(path))
    line = reader.line_num + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            wrong = InvalidFile(str(error), path=path.name, line=line)
            yield Row(line, error=wrong, cells=dict.fromkeys(header, ""), columns=columns)
            line = reader.line_num + 1
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            yield _table_row(columns, cells, line, path)
        line = reader.line_num + 1


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _xlsx_rows(path: Path, choice: Choice | None) -> Iterator[Row]:
    rows = xlsx_rows(path)
    _, first = next(rows, (0, []))
    header = [cell.strip() for cell in first]
    while header and not header[-1]:  # formatted cells beyond the table
        header.pop()
    columns = assign(header, choice or Choice(), str(path))
    for number, cells in rows:
        while len(cells) > len(header) and not cells[-1].strip():
            cells.pop()
        cells += [""] * (len(header) - len(cells))
        yield _table_row(columns, cells, number, path)


def _table_row(columns: tuple[Column, ...], cells: list[str], line: int, path: Path) -> Row:
    header = [column.name for column in columns]
    named = dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    record: dict[str, object] = {}
    extra: dict[str, str] = {}
    wrong: CopygenError | None = None
    if len(cells) != len(header):
        missing = ", ".join(header[len(cells) :])
        what = f"no value for: {missing}" if missing else f"extra: {', '.join(cells[len(header) :])}"
        message = f"{len(cells)} fields, header has {len(header)}; {what}"
        wrong = InvalidFile(message, path=path.name, line=line)
    elif failed := _failed_formula(columns, cells):
        wrong = InvalidFile(f"column {failed}; correct the formula or empty the cell", path=path.name, line=line)
    else:
        try:
            record, extra = record_of(columns, cells)
        except InvalidBrief as error:
            wrong = error
    return Row(line, record, wrong, named, columns=columns, extra=extra)


def _failed_formula(columns: tuple[Column, ...], cells: list[str]) -> str:
    pairs = zip(columns, cells, strict=True)
    return next((f"{c.name} is {cell}" for c, cell in pairs if c.use != LEFT_OUT and cell in SHEET_ERRORS), "")
