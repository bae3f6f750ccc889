"""Files of briefs in, files of copies out: CSV, JSONL and JSON, streamed row by row.

A row that cannot be read is a Row with an error, in its place; only a file that is no table at all raises.
"""

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from charset_normalizer import from_bytes

from copygen.errors import CopygenError, InvalidBrief, InvalidFile

_HEAD_BYTES = 1 << 18
# Column names merchants use -> field of the record. Any other column is an attribute of that name.
_COLUMNS = {
    "id": "id name_id sku 编号 商品编号 商家编码 編號 商品編號",
    "name": "name title 商品名 商品名称 商品标题 名称 标题 品名 商品名稱 名稱 標題",
    "brand": "brand 品牌",
    "category": "category 类目 品类 分类 類目 品類 分類",
    "price": "price 价格 售价 到手价 價格 售價",
    "industry": "industry 行业 行業",
    "channel": "channel 渠道",
    "tone": "tone 语气 风格调性 語氣",
    "audience": "audience 人群 目标人群 受众 目標人群 受眾",
    "phase": "phase 阶段 活动阶段 階段",
    "lang": "lang language 语言 語言",
    "keywords": "keywords 关键词 關鍵詞 關鍵字",
    "avoid": "avoid 避用词 不要出现 避用詞",
    "attributes": "attributes attrs 属性 商品属性 屬性 商品屬性",
}
_FIELD = {alias: name for name, aliases in _COLUMNS.items() for alias in aliases.split()}
_PRODUCT = ("name", "brand", "category", "price")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True, slots=True)
class Row:
    """One line of input: a record, or why there is none."""

    number: int
    """Line in the file where the row starts, from 1."""
    record: Mapping[str, object] = field(default_factory=dict)
    error: CopygenError | None = None
    cells: Mapping[str, str] = field(default_factory=dict)
    """CSV: the columns as they were, repeated in the output."""


def read_rows(path: Path, defaults: Mapping[str, str] | None = None) -> Iterator[Row]:
    """Yield the rows of a .csv, .tsv, .jsonl or .json file.

    Args:
        defaults: Values for fields a row does not give: channel, tone, lang, …

    Raises:
        InvalidFile: No such file, an unknown ending, an undecodable text or a CSV header without a name column.
    """
    readers = {".csv": _csv_rows, ".tsv": _csv_rows, ".jsonl": _jsonl_rows, ".json": _json_rows}
    reader = readers.get(path.suffix.lower())
    if reader is None:
        raise InvalidFile(f"unknown ending {path.suffix!r}; use {', '.join(readers)}", path=str(path))
    if not path.is_file():
        raise InvalidFile("no such file", path=str(path))
    for row in reader(path):
        missing = {k: v for k, v in (defaults or {}).items() if not row.record.get(k)}
        yield Row(row.number, {**row.record, **missing}, row.error, row.cells) if row.error is None else row


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


def _jsonl_rows(path: Path) -> Iterator[Row]:
    for number, line in enumerate(_lines(path), 1):
        if line.strip():
            yield _json_row(line, number, path)


def _json_row(text: str, number: int, path: Path) -> Row:
    try:
        record = parse_json(text)
    except json.JSONDecodeError as error:
        return Row(
            number, error=InvalidFile(f"not JSON: {error.msg} (column {error.colno})", path=path.name, line=number)
        )
    if not isinstance(record, dict):
        return Row(number, error=InvalidFile("expected a JSON object", path=path.name, line=number))
    return Row(number, record)


def _json_rows(path: Path) -> Iterator[Row]:
    text = "".join(_lines(path))
    try:
        whole = parse_json(text)
    except json.JSONDecodeError as error:
        raise InvalidFile(f"not JSON: {error.msg}", path=str(path), line=error.lineno) from error
    for number, record in enumerate(whole if isinstance(whole, list) else [whole], 1):
        if isinstance(record, dict):
            yield Row(number, record)
        else:
            yield Row(number, error=InvalidFile("expected a JSON object", path=path.name, line=number))


def _csv_rows(path: Path) -> Iterator[Row]:
    lines = _lines(path)
    first = next(lines, "")
    delimiter = max(",\t;", key=first.count) if path.suffix.lower() == ".csv" else "\t"
    reader = csv.reader(_chain(first, lines), delimiter=delimiter)
    try:
        header = [cell.strip() for cell in next(reader, [])]
    except csv.Error as error:
        raise InvalidFile(str(error), path=str(path), line=1) from error
    if "name" not in {_FIELD.get(column.lower()) for column in header}:
        raise InvalidFile(
            f"no column for the product's name among: {', '.join(header) or '(empty file)'}; "
            "name one of them name, 商品名 or 标题",
            path=str(path),
            line=1,
        )
    line = reader.line_num + 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Row(line, error=InvalidFile(str(error), path=path.name, line=line), cells=dict.fromkeys(header, ""))
            line = reader.line_num + 1
            continue
        if cells is None:
            return
        if any(cell.strip() for cell in cells):
            try:
                yield _csv_row(header, cells, line, path)
            except InvalidBrief as error:
                yield Row(line, error=error, cells=dict(zip(header, cells, strict=True)))
        line = reader.line_num + 1


def _chain(first: str, rest: Iterator[str]) -> Iterator[str]:
    yield first
    yield from rest


def _csv_row(header: list[str], cells: list[str], line: int, path: Path) -> Row:
    named = dict.fromkeys(header, "") | dict(zip(header, cells, strict=False))
    if len(cells) != len(header):
        missing = ", ".join(header[len(cells) :])
        what = f"no value for: {missing}" if missing else f"extra: {', '.join(cells[len(header) :])}"
        message = f"{len(cells)} fields, header has {len(header)}; {what}"
        return Row(line, error=InvalidFile(message, path=path.name, line=line), cells=named)
    record: dict[str, object] = {}
    product: dict[str, object] = {}
    attributes: list[list[str]] = []
    for column, cell in zip(header, cells, strict=True):  # not from `named`: a column that comes twice counts twice
        name = _FIELD.get(column.lower())
        if not cell.strip():
            continue
        if name == "attributes":
            attributes += parse_attributes(cell)
        elif name in _PRODUCT:
            product[name] = cell
        elif name is not None:
            record[name] = cell
        else:
            attributes.append([column, cell])
    product["attributes"] = attributes
    return Row(line, {**record, "products": [product]}, cells=named)


def parse_attributes(text: str) -> list[list[str]]:
    """'续航=40小时；颜色：雾霾蓝' -> pairs; entries end at a semicolon or line end.

    Raises:
        InvalidBrief: An entry without = or ：.
    """
    pairs = []
    for entry in text.replace("；", "\n").replace(";", "\n").splitlines():
        if not entry.strip():
            continue
        for mark in ("=", "＝", "：", ":", "\t"):
            name, found, value = entry.partition(mark)
            if found:
                pairs.append([name.strip(), value.strip()])
                break
        else:
            raise InvalidBrief(f"{entry.strip()[:40]!r} has no value; write 名=值", field="attributes")
    return pairs


def escape_cell(text: str) -> str:
    """A cell that spreadsheet programs will not run as a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text
