"""Files of copies: CSV, XLSX and JSONL, written row by row, labelled, and whole or not there at all.

Rows go to OUT.part first; what a broken job leaves there is readable. Memory does not grow with the file.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from mmap import ACCESS_READ, mmap
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from copygen.errors import InvalidFile
from copygen.label import Label

from serving.jobs.file_label import embed_office, write_sidecar
from serving.jobs.table_out import (
    FORMULA,
    OUT_COLUMNS,
    RowResult,
    escape_cell,
    known_channel,
    result_cells,
    result_json,
)
from serving.labels.labeller import Labeller

_XLSX_ROWS = 1 << 20
"""What a sheet holds, its header among them."""
_WIDTHS = {"title": 28, "body": 60, "points": 40, "evidence": 30, "findings": 30, "error": 40}
"""Columns of a sheet that need more than the usual width, in characters."""


class Table(Protocol):
    """A file being written."""

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None: ...

    def close(self) -> None: ...


class JsonlTable:
    """One JSON object a line."""

    def __init__(self, path: Path) -> None:
        # A lone surrogate in a merchant's id becomes its JSON escape; it must not end the job.
        self._out = path.open("w", encoding="utf-8", errors="backslashreplace", newline="")

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        self._out.write(json.dumps(result_json(outcome, labels), ensure_ascii=False) + "\n")
        self._out.flush()

    def close(self) -> None:
        self._out.close()


class CsvTable:
    """UTF-8 with a mark, or Excel would read it as something else; cells that could run are escaped."""

    def __init__(self, path: Path) -> None:
        self._out = path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
        self._writer: csv.DictWriter[str] | None = None

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        cells = {name: escape_cell(cell) for name, cell in result_cells(outcome, labels).items()}
        if self._writer is None:
            self._writer = csv.DictWriter(self._out, _header(cells), restval="", extrasaction="ignore")
            self._writer.writerow({name: escape_cell(name) for name in _header(cells)})
        self._writer.writerow(cells)
        self._out.flush()

    def close(self) -> None:
        self._out.close()


class XlsxTable:
    """One sheet of texts; what looks like a formula is marked as text, as a leading ' does in Excel."""

    def __init__(self, path: Path) -> None:
        from xlsxwriter import Workbook  # slow to import, and every command would wait for it

        path.write_bytes(b"")  # the library writes at the end; a folder that cannot be written has to show now
        self._path = path
        self._book = Workbook(str(path), {"constant_memory": True, "tmpdir": str(path.parent)})
        self._sheet = self._book.add_worksheet("文案")
        self._sheet.freeze_panes(1, 0)
        self._bold = self._book.add_format({"bold": True})
        self._wrapped = self._book.add_format({"text_wrap": True, "valign": "top"})
        self._quoted = self._book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
        self._columns: list[str] = []
        self._row = 0

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        cells = result_cells(outcome, labels)
        if not self._columns:
            self._columns = _header(cells)
            for at, name in enumerate(self._columns):
                self._sheet.set_column(at, at, _WIDTHS.get(name, 14))
                self._sheet.write_string(0, at, _encodable(name), self._bold)
        self._row += 1
        if self._row >= _XLSX_ROWS:
            raise InvalidFile(f"an XLSX holds {_XLSX_ROWS:,} rows; write a .csv", path=str(self._path))
        for at, name in enumerate(self._columns):
            if cell := cells.get(name, ""):
                form = self._quoted if cell.startswith(FORMULA) else self._wrapped
                self._sheet.write_string(self._row, at, _encodable(cell), form)

    def close(self) -> None:
        from xlsxwriter.exceptions import XlsxFileError

        try:
            self._book.close()
        except XlsxFileError as error:
            raise OSError(str(error)) from error


def _header(cells: Mapping[str, str]) -> list[str]:
    return [*(name for name in cells if name not in OUT_COLUMNS), *OUT_COLUMNS]


def _encodable(text: str) -> str:
    return text.encode("utf-8", "backslashreplace").decode()


FORMATS: Mapping[str, Callable[[Path], Table]] = {".csv": CsvTable, ".jsonl": JsonlTable, ".xlsx": XlsxTable}
"""What a file of copies can be, by ending."""


TableT = TypeVar("TableT", bound=Table)


class LabelledFile(Generic[TableT]):
    """A table on its way to `path`: appears there, with its label, when `finish` is called.

    Raises:
        InvalidFile: From every method, when it cannot be written.
    """

    def __init__(self, path: Path, open_table: Callable[[Path], TableT]) -> None:
        self.path = path
        self._part = path.with_name(path.name + ".part")
        with _named(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            self.table = open_table(self._part)

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        with _named(self.path):
            self.table.add(outcome, labels)

    def close(self) -> None:
        """End without a file; the rows so far stay in OUT.part."""
        with _named(self.path):
            self.table.close()

    def finish(self, labeller: Labeller) -> None:
        """Label what was written and put it in its place: XLSX in its own metadata, others beside them."""
        with _named(self.path):
            self.table.close()
            with _content(self._part) as content:
                (label,) = labeller.label([content], "file")
            if self.path.suffix.lower() == ".xlsx":
                embed_office(self._part, label)
            else:
                write_sidecar(self.path, label)
            self._part.replace(self.path)


@contextmanager
def _named(path: Path) -> Iterator[None]:
    """What the system says of a file, as an error that names it."""
    try:
        yield
    except OSError as error:
        raise InvalidFile(f"cannot be written: {error.strerror or error}", path=str(path)) from error


@contextmanager
def _content(path: Path) -> Iterator[bytes | mmap]:
    """The bytes of a file, mapped and not read: a file of copies may be larger than memory."""
    if path.stat().st_size == 0:
        yield b""
        return
    with path.open("rb") as source, mmap(source.fileno(), 0, access=ACCESS_READ) as content:
        yield content


def check_ending(out: Path) -> None:
    """Refuse a file of copies whose ending says no known format.

    Raises:
        InvalidFile: Names the endings there are.
    """
    if out.suffix.lower() not in FORMATS:
        raise InvalidFile(f"unknown ending {out.suffix!r}; use {', '.join(FORMATS)}", path=str(out))


class OutFiles:
    """The file of copies, or one for each channel: OUT.discover.csv, OUT.note.csv; rows of no channel in OUT.other."""

    def __init__(self, out: Path, *, by_channel: bool = False) -> None:
        check_ending(out)
        self._out = out
        self._by_channel = by_channel
        self._open: dict[str, LabelledFile[Table]] = {}
        if not by_channel:  # a folder that cannot be written has to show before the first copy is
            self._file("")

    def _file(self, channel: str) -> LabelledFile[Table]:
        if channel not in self._open:
            out = self._out
            path = out.with_name(f"{out.stem}.{channel}{out.suffix}") if channel else out
            self._open[channel] = LabelledFile(path, FORMATS[out.suffix.lower()])
        return self._open[channel]

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        self._file(known_channel(outcome) if self._by_channel else "").add(outcome, labels)

    def close(self) -> None:
        for file in self._open.values():
            file.close()

    def finish(self, labeller: Labeller) -> list[Path]:
        """The files written, each labelled."""
        for file in self._open.values():
            file.finish(labeller)
        return [file.path for file in self._open.values()]
