"""Spreadsheets in and out, read and written back by the other library, and tables larger than memory."""

import csv
import json
import tracemalloc
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from copygen.brief import read_brief
from copygen.errors import InvalidFile

from serving.jobs.table_files import FORMATS
from serving.jobs.table_io import Row, read_rows
from serving.jobs.table_out import OUT_COLUMNS, RowResult, escape_cell
from serving.jobs.xlsx_in import xlsx_rows

PRODUCTS = Path(__file__).resolve().parent.parent / "examples" / "products.xlsx"


def _save(folder: Path, *rows: list[object], formats: dict[str, str] | None = None) -> Path:
    book = Workbook()
    assert book.active is not None
    for row in rows:
        book.active.append(row)
    for cell, number_format in (formats or {}).items():
        book.active[cell].number_format = number_format
    path = folder / "t.xlsx"
    book.save(path)
    return path


def test_cells_are_what_the_merchant_sees(tmp_path: Path) -> None:
    values = [
        49,
        49.0,
        29.9,
        0.95,
        6901234567890,
        True,
        date(2026, 11, 25),
        datetime(2026, 11, 25, 8, 30),
        " 两行\n字 ",
    ]
    path = _save(tmp_path, [f"c{i}" for i in range(9)], values, formats={"D2": "0%", "C2": "0.00"})
    (_, (_, cells)) = xlsx_rows(path)
    assert cells == [
        *("49", "49", "29.9", "95%", "6901234567890", "TRUE"),
        *("2026-11-25", "2026-11-25 08:30:00", " 两行\n字 "),
    ]


def test_rows_keep_the_numbers_of_the_sheet_and_blank_ends_do_not_count(tmp_path: Path) -> None:
    path = _save(tmp_path, [], ["商品名", "渠道", "颜色", " "], ["耳机", "discover"], [], ["杯", None, "蓝", "", " "])
    rows = list(read_rows(path, {"channel": "push"}))
    assert [(row.number, row.error, row.record["channel"]) for row in rows] == [
        (3, None, "discover"),
        (5, None, "push"),
    ]
    assert rows[1].cells == {"商品名": "杯", "渠道": "", "颜色": "蓝"}


def test_more_cells_than_columns_and_failed_formulas_are_errors_in_place(tmp_path: Path) -> None:
    path = _save(
        tmp_path, ["商品名", "材质", "库存"], ["杯", "瓷", "1", "多"], ["杯", "#REF!", 1], ["杯", "瓷", "#N/A"]
    )
    long, failed, spared = read_rows(path)
    assert long.error is not None and long.error.message == "t.xlsx line 2: 4 fields, header has 3; extra: 多"
    assert failed.error is not None
    assert failed.error.message == "t.xlsx line 3: column 材质 is #REF!; correct the formula or empty the cell"
    assert spared.error is None


def test_the_first_sheet_that_can_be_seen_is_read(tmp_path: Path) -> None:
    book = Workbook()
    assert book.active is not None
    book.active.sheet_state = "hidden"
    book.create_sheet("商品").append(["品名"])
    book["商品"].append(["杯"])
    book.save(tmp_path / "t.xlsx")
    (row,) = read_rows(tmp_path / "t.xlsx")
    assert row.cells == {"品名": "杯"}


@pytest.mark.parametrize("data", [b"", b"text", b"PK\x03\x04" + b"\0" * 40])
def test_a_file_that_is_no_spreadsheet(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "t.xlsx"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="save it again") as caught:
        list(read_rows(path))
    assert caught.value.path == str(path)


def test_an_empty_sheet_has_no_name_column(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="empty file"):
        list(read_rows(_save(tmp_path)))


def test_the_example_is_a_table_of_briefs() -> None:
    rows = list(read_rows(PRODUCTS))
    briefs = [read_brief(row.record)[0] for row in rows]
    assert [brief.products[0].name for brief in briefs] == ["拾光 陶瓷马克杯", "山野记 冻干草莓脆", "棉也 纯棉四件套"]
    assert briefs[1].products[0].attributes["草莓含量"] == "100%"
    assert briefs[0].channel == "发现好货、种草"
    assert PRODUCTS.stat().st_size < 20_000


def _failed(cells: dict[str, str], number: int = 2) -> RowResult:
    row = Row(number, {"channel": "discover"}, InvalidFile("x", path="t.csv", line=number), cells, file="t.csv")
    return RowResult(row, None, row.error)


def _write(path: Path, outcomes: Iterator[RowResult]) -> None:
    table = FORMATS[path.suffix](path)
    for outcome in outcomes:
        table.add(outcome, ())
    table.close()


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    [
        "=1+1",
        "_x000D_",
        '他说"好"',
        "一行\n又一行",
        "\r\n",
        "a,b;c\td",
        "🎧✨",
        "-5℃",
        " 空 ",
        "<&>",
        "\u2028",
        "\ufffe",
    ]
)


@settings(deadline=None, max_examples=50)  # the first call imports both libraries
@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=5))
def test_rows_come_back_from_every_format_as_they_went(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]]
) -> None:
    folder = tmp_path_factory.mktemp("round")
    cells = [{"品名": f"耳机{name}", "备注": note} for name, note in rows]
    for ending in (".csv", ".xlsx"):
        path = folder / f"t{ending}"
        _write(path, (_failed(row) for row in cells))
        back = [{name: row.cells[name] for name in ("品名", "备注")} for row in read_rows(path)]
        escaped = [{name: escape_cell(cell) for name, cell in row.items()} for row in cells]
        assert back == (escaped if ending == ".csv" else cells)
    path = folder / "t.jsonl"
    path.write_text("".join(json.dumps({"products": [row]}) + "\n" for row in cells), encoding="utf-8")
    assert [row.record["products"] for row in read_rows(path)] == [[row] for row in cells]


def test_a_sheet_of_copies_runs_no_formula(tmp_path: Path) -> None:
    path = tmp_path / "t.xlsx"
    _write(path, iter([_failed({"品名": "耳机", "备注": '=HYPERLINK("x")'})]))
    sheet = load_workbook(path).active
    assert sheet is not None
    header, (name, note, *ours) = sheet.iter_rows()
    assert [cell.value for cell in header] == ["品名", "备注", *OUT_COLUMNS]
    assert (name.data_type, note.data_type) == ("s", "s")
    assert (name.quotePrefix, note.quotePrefix) == (False, True)
    assert note.value == '=HYPERLINK("x")'
    assert ours[-1].value == "t.csv line 2: x"


MANY = 50_000


def _source(folder: Path, ending: str) -> Path:
    path = folder / f"in{ending}"
    header = ["商品名", "渠道", "材质", "规格"]
    rows = ([f"拾光 陶瓷马克杯 第{i}款", "discover", f"陶瓷{i}", f"单只装{i}"] for i in range(MANY))
    if ending == ".jsonl":
        with path.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=False) + "\n" for row in rows)
    else:
        with path.open("w", encoding="utf-8-sig", newline="") as out:
            csv.writer(out).writerows([header, *rows])
    return path


@pytest.mark.parametrize(("source", "target"), [(".csv", ".csv"), (".csv", ".xlsx"), (".jsonl", ".jsonl")])
def test_memory_does_not_grow_with_the_file(tmp_path: Path, source: str, target: str) -> None:
    path = _source(tmp_path, source)
    out = tmp_path / f"out{target}"
    failing = InvalidFile("no model here", path="x")
    for read in (read_rows(path), iter([])):  # once to import what is imported on first use
        next(read, None)
    FORMATS[target](tmp_path / f"warm{target}").close()
    tracemalloc.start()
    try:
        _write(out, (RowResult(row, None, failing) for row in read_rows(path)))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert path.stat().st_size > 2_000_000
    assert out.stat().st_size > 500_000
    assert peak < 4_000_000, f"{peak / 1e6:.1f} MB"


def test_texts_of_a_sheet_wait_on_disk(tmp_path: Path) -> None:
    """Excel keeps texts apart from cells: 4,000 rows with 8 MB of them must not be 8 MB in memory."""
    path = _save(tmp_path, ["品名", "说明"], *([f"杯{i}", f"{i}" + "说" * 700] for i in range(4_000)))
    assert sum(1 for _ in zip(read_rows(path), range(2), strict=False)) == 2
    tracemalloc.start()
    try:
        count = sum(len(row.cells["说明"]) > 700 for row in read_rows(path))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert count == 4_000
    assert peak < 4_000_000, f"{peak / 1e6:.1f} MB"
