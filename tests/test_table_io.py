import csv
import io
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.brief import read_brief
from copygen.errors import InvalidBrief, InvalidFile

from serving.jobs.columns import parse_attributes
from serving.jobs.table_io import Row, detect_encoding, parse_json, read_rows
from serving.jobs.table_out import escape_cell

HANS = (
    "商品名,类目,渠道,续航\n声悦 Air3 真无线降噪耳机,真无线耳机,发现好货,40小时\n竹节保温杯,水杯,种草笔记,保温八小时\n"
)
HANT = (
    "商品名稱,類目,渠道,續航\n聲悅 Air3 真無線降噪耳機,真無線耳機,發現好貨,40小時\n"
    "竹節保溫杯,水杯,種草筆記,保溫八小時\n"
)


def _rows(folder: Path, text: str | bytes, name: str = "briefs.csv", **defaults: str) -> list[Row]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return list(read_rows(path, defaults))


def _product(row: Row) -> dict[str, object]:
    assert row.error is None
    (product,) = row.record["products"]  # type: ignore[misc]
    return product


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        pytest.param(HANS, "utf-8", id="UTF-8"),
        pytest.param(HANS, "utf-8-sig", id="UTF-8 with BOM"),
        pytest.param(HANS, "gb18030", id="GB18030"),
        pytest.param(HANT, "big5", id="Big5"),
        pytest.param(HANS, "utf-16", id="UTF-16"),
        pytest.param(HANT, "utf-16-be", id="UTF-16 BE"),
    ],
)
def test_encodings(tmp_path: Path, text: str, encoding: str) -> None:
    mark = b"\xfe\xff" if encoding == "utf-16-be" else b""
    rows = _rows(tmp_path, mark + text.encode(encoding))
    expected = list(csv.reader(io.StringIO(text)))
    assert [list(row.cells.values()) for row in rows] == expected[1:]
    assert [list(row.cells) for row in rows] == [expected[0]] * 2
    assert _product(rows[0])["name"] == expected[1][0]


def test_long_gb18030_file_is_read_whole(tmp_path: Path) -> None:
    text = HANS + "声悦 Air3,真无线耳机,发现好货,40小时\n" * 20_000  # beyond what is looked at to tell the encoding
    path = tmp_path / "long.csv"
    path.write_bytes(text.encode("gb18030"))
    assert detect_encoding(path) in ("gb18030", "gbk", "gb2312")
    assert sum(row.error is None for row in read_rows(path)) == 20_002


def test_file_that_is_no_text(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile) as caught:
        _rows(tmp_path, "name\n耳机\n".encode() + b"x\n" * 140_000 + b"\xff\xff\xff\n")
    assert "save it as UTF-8" in caught.value.message


def test_chinese_columns_become_fields_and_the_rest_attributes(tmp_path: Path) -> None:
    header = "商品编号,商品名称,品牌,品类,到手价,渠道,语气,目标人群,活动阶段,语言,关键词,避用词,降噪深度,续航"
    line = 'a1,声悦 Air3,声悦,耳机,399元,发现好货,俏皮,通勤族,爆发,zh-Hans,"通勤,地铁",高级,48dB,'
    (row,) = _rows(tmp_path, f"{header}\n{line}\n")
    brief, _ = read_brief(row.record)
    product = brief.products[0]
    assert (product.name, product.brand, product.category, product.price) == ("声悦 Air3", "声悦", "耳机", "399元")
    assert product.attributes == {"降噪深度": "48dB"}
    assert (brief.id, brief.channel, brief.tone, brief.audience, brief.phase) == (
        "a1",
        "发现好货",
        "俏皮",
        "通勤族",
        "爆发",
    )
    assert (brief.keywords, brief.avoid) == (("通勤", "地铁"), ("高级",))


def test_attributes_column(tmp_path: Path) -> None:
    (row,) = _rows(tmp_path, 'name,属性,颜色\n耳机,"降噪=48dB；续航：40小时\n佩戴: 入耳式",蓝\n')
    assert _product(row)["attributes"] == [["降噪", "48dB"], ["续航", "40小时"], ["佩戴", "入耳式"], ["颜色", "蓝"]]


def test_attributes_without_a_value_are_an_error_in_place(tmp_path: Path) -> None:
    rows = _rows(tmp_path, "name,属性\n耳机,很好看\n杯子,颜色=蓝\n")
    assert isinstance(rows[0].error, InvalidBrief) and "很好看" in rows[0].error.message
    assert rows[0].error.field == "attributes"
    assert rows[0].cells == {"name": "耳机", "属性": "很好看"}
    assert rows[1].error is None


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        ("续航=40小时", [["续航", "40小时"]]),
        ("续航 ：40小时 ; 颜色＝蓝;", [["续航", "40小时"], ["颜色", "蓝"]]),
        ("续航\t40小时\n颜色\t蓝", [["续航", "40小时"], ["颜色", "蓝"]]),
        ("", []),
    ],
)
def test_parse_attributes(text: str, pairs: list[list[str]]) -> None:
    assert parse_attributes(text) == pairs


def test_a_column_that_comes_twice_counts_twice(tmp_path: Path) -> None:
    (row,) = _rows(tmp_path, "name,续航,续航\n耳机,40小时,30小时\n", channel="discover")
    _, changes = read_brief(row.record)
    assert any("contradictory" in change.what for change in changes)


def test_ragged_rows_are_errors_with_their_line_and_the_others_go_on(tmp_path: Path) -> None:
    text = 'name,渠道,颜色\n"两行的\n名字",discover,蓝\n耳机\n杯子,note,白,多,余\n\n毛毯,push,灰\n'
    rows = _rows(tmp_path, text)
    assert [row.number for row in rows] == [2, 4, 5, 7]
    assert [row.error is None for row in rows] == [True, False, False, True]
    short, long = rows[1].error, rows[2].error
    assert short is not None and short.message == "briefs.csv line 4: 1 fields, header has 3; no value for: 渠道, 颜色"
    assert long is not None and long.message == "briefs.csv line 5: 5 fields, header has 3; extra: 多, 余"
    assert rows[1].cells == {"name": "耳机", "渠道": "", "颜色": ""}


def test_cell_too_large_for_csv_is_an_error_in_place(tmp_path: Path) -> None:
    rows = _rows(tmp_path, f"name,颜色\n{'长' * 140_000},蓝\n耳机,白\n")
    assert [row.error is None for row in rows] == [False, True]
    assert list(rows[0].cells) == ["name", "颜色"]
    assert rows[1].number == 3


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters(tmp_path: Path, delimiter: str) -> None:
    (row,) = _rows(tmp_path, f"name{delimiter}颜色\n耳机{delimiter}蓝\n")
    assert _product(row) == {"name": "耳机", "attributes": [["颜色", "蓝"]]}


def test_tsv(tmp_path: Path) -> None:
    (row,) = _rows(tmp_path, "name\t颜色\n耳机,白\t蓝\n", "briefs.tsv")
    assert _product(row) == {"name": "耳机,白", "attributes": [["颜色", "蓝"]]}


@pytest.mark.parametrize(
    ("name", "text", "what"),
    [
        ("briefs.csv", "渠道,颜色\nnote,蓝\n", "no column for the product's name among: 渠道, 颜色"),
        ("briefs.csv", "", r"\(empty file\)"),
        ("briefs.xls", "", "unknown ending '.xls'"),
        ("briefs.json", "{", "not JSON"),
    ],
)
def test_file_that_is_no_table(tmp_path: Path, name: str, text: str, what: str) -> None:
    with pytest.raises(InvalidFile, match=what) as caught:
        _rows(tmp_path, text, name)
    assert caught.value.path == str(tmp_path / name)


def test_no_such_file(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match="no such file"):
        list(read_rows(tmp_path / "none.csv"))


def test_defaults_fill_only_what_a_row_does_not_give(tmp_path: Path) -> None:
    rows = _rows(tmp_path, "name,channel\n耳机,note\n杯子,\n", channel="push", tone="俏皮")
    assert [(row.record["channel"], row.record["tone"]) for row in rows] == [("note", "俏皮"), ("push", "俏皮")]


def test_jsonl_bad_lines_keep_their_place(tmp_path: Path) -> None:
    deep = "[" * 100_000
    text = "\n".join(['{"id": 1}', "{", "[1]", "", "1" * 5000, deep, '{"id": 2}']) + "\n"
    rows = _rows(tmp_path, text, "briefs.jsonl")
    assert [row.number for row in rows] == [1, 2, 3, 5, 6, 7]
    assert [row.error is None for row in rows] == [True, False, False, False, False, True]
    assert all(f"line {row.number}:" in row.error.message for row in rows if row.error)


def test_json_list_or_one_object(tmp_path: Path) -> None:
    rows = _rows(tmp_path, '[{"id": 1}, 5, {"id": 2}]', "briefs.json")
    assert [(row.number, row.error is None) for row in rows] == [(1, True), (2, False), (3, True)]
    (one,) = _rows(tmp_path, '{"id": 1}', "brief.json")
    assert one.record == {"id": 1}


def test_doubled_attribute_names_survive_for_the_brief_to_report(tmp_path: Path) -> None:
    text = '{"channel": "push", "products": [{"name": "耳机", "attributes": {"续航": "40小时", "续航": "30小时"}}]}'
    for name in ("brief.jsonl", "brief.json"):
        (row,) = _rows(tmp_path, text, name)
        brief, changes = read_brief(row.record)
        assert brief.products[0].attributes == {"续航": "40小时"}
        assert [change.field for change in changes] == ["products[0].attributes.续航"]
    assert parse_json('{"a": 1, "b": 2}') == {"a": 1, "b": 2}
    assert parse_json('{"a": 1, "a": 2}') == [["a", 1], ["a", 2]]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
def test_formulas_are_escaped(text: str) -> None:
    assert escape_cell(text) == f"'{text}"


_CELL = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20) | st.sampled_from(
    ["=1+1", '他说"好"', "一行\n又一行", "a,b;c\td", "🎧✨", "-5℃", "\r\n", "'=1", "\u2028"]
)


@given(st.lists(st.tuples(_CELL, _CELL), min_size=1, max_size=5))
def test_written_cells_read_back_and_never_run(
    tmp_path_factory: pytest.TempPathFactory, cells: list[tuple[str, str]]
) -> None:
    path = tmp_path_factory.mktemp("round") / "table.csv"
    escaped = [(f"耳机{escape_cell(a)}", escape_cell(b)) for a, b in cells]
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        csv.writer(out).writerows([("name", "备注"), *escaped])
    rows = list(read_rows(path))
    assert [tuple(row.cells.values()) for row in rows] == escaped
    assert all(row.error is None for row in rows)
    assert not any(b.startswith(("=", "+", "-", "@", "\t", "\r")) for _, b in escaped)
    assert [b.removeprefix("'") for _, b in escaped] == [b.removeprefix("'") for _, b in cells]


@given(st.dictionaries(st.text(max_size=5), st.text(max_size=20), max_size=4))
def test_json_lines_round_trip(tmp_path_factory: pytest.TempPathFactory, record: dict[str, str]) -> None:
    path = tmp_path_factory.mktemp("round") / "table.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    (row,) = read_rows(path)
    assert row.record == record
