"""The first visible sheet of an XLSX as rows of text, streamed: memory does not grow with the file.

openpyxl streams a sheet but holds its texts, which Excel keeps in a table of their own; here they go to a temporary
file. python-calamine reads seven times as fast but holds the whole sheet, 41 MB for 50,000 rows of eight columns
(measured 2026-11-25); against the time a model takes, reading is nothing.
"""

import re
import warnings
import zipfile
from array import array
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any
from xml.etree.ElementTree import ParseError, iterparse

from copygen.errors import InvalidFile

SHEET_ERRORS = frozenset({"#N/A", "#REF!", "#VALUE!", "#DIV/0!", "#NAME?", "#NULL!", "#NUM!", "#SPILL!", "#CALC!"})
"""What a cell shows whose formula failed."""

_NS = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
_MIDNIGHT = time()
_PERCENT = re.compile(r'%(?:"[^"]*")?$')
_MAX_BYTES = 4 << 30
"""Unpacked; beyond it a file is a mistake or an attack."""


class _SpilledStrings:
    """A list of texts on disk: memory holds where each begins, 8 bytes a text."""

    def __init__(self, file: IO[bytes], texts: Iterator[str]) -> None:
        self._file = file
        self._starts = array("Q", [0])
        for text in texts:
            data = text.encode("utf-8", "surrogatepass")
            self._file.write(data)
            self._starts.append(self._starts[-1] + len(data))

    def __getitem__(self, index: int) -> str:
        if not 0 <= index < len(self._starts) - 1:
            raise ValueError(f"no shared text {index}")
        start, end = self._starts[index : index + 2]
        self._file.seek(start)
        return self._file.read(end - start).decode("utf-8", "surrogatepass")


def _shared_texts(source: IO[bytes]) -> Iterator[str]:
    from openpyxl.cell.text import Text

    events = iterparse(source, ("start", "end"))
    _, root = next(events)
    for event, node in events:
        if event == "end" and node.tag == f"{_NS}si":
            text = Text.from_tree(node)
            yield text.content if text is not None else ""
            root.clear()  # or every entry would stay in memory, empty


def xlsx_rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Yield (row number, cells as text) of each row that is not empty.

    Numbers are written as a merchant sees them: 49 and not 49.0, 95% and not 0.95; dates as 2026-11-25.

    Raises:
        InvalidFile: Not an XLSX, one with a password, or one without a sheet to read.
    """
    # Slow to import, and every command would wait for it.
    from openpyxl.reader.excel import ExcelReader
    from openpyxl.xml.constants import SHARED_STRINGS

    class Reader(ExcelReader):
        shared_strings: Any

        def read_strings(self) -> None:
            part = next((p for p in self.package.Override if p.ContentType == SHARED_STRINGS), None)
            if part is not None:
                with self.archive.open(part.PartName[1:]) as source:
                    self.shared_strings = _SpilledStrings(spill, _shared_texts(source))

    try:
        with TemporaryFile() as spill, path.open("rb") as source:
            reader = Reader(source, read_only=True, data_only=True, keep_links=False)
            if sum(part.file_size for part in reader.archive.infolist()) > _MAX_BYTES:
                raise InvalidFile(f"over {_MAX_BYTES >> 30} GB unpacked; save it as CSV", path=str(path))
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of styles it does not know: nobody writes the file back
                reader.read()
            sheet = next((s for s in reader.wb.worksheets if s.sheet_state == "visible"), None)
            if sheet is None:
                raise InvalidFile("no visible sheet", path=str(path))
            sheet.reset_dimensions()  # exporters write wrong ones, and cells beyond them would be lost
            for number, row in enumerate(sheet.iter_rows(), 1):
                cells = [_text(cell.value, cell) for cell in row]
                if any(cell.strip() for cell in cells):
                    yield number, cells
    except (zipfile.BadZipFile, ParseError, OSError, KeyError, ValueError, TypeError, IndexError) as error:
        # What openpyxl raises at files that are damaged, encrypted, or of another kind with this ending.
        raise InvalidFile("not a readable XLSX; open it in Excel and save it again", path=str(path)) from error


def _text(value: object, cell: Any) -> str:
    from openpyxl.utils.escape import unescape

    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, int | float):
        if _PERCENT.search(cell.number_format):
            return f"{value * 100:.10g}%"
        return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == _MIDNIGHT else value.isoformat(" ")
    if isinstance(value, date | time | timedelta):
        return str(value)
    return unescape(str(value))
