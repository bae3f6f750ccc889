"""A shop's export of impressions and clicks, read row by row: whatever its columns are called, in Chinese or English.

A row that cannot be used is an error with its line, its column and the fix; it is left out and never stops the file.
"""

import csv
import io
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from copygen.errors import InvalidFile, InvalidSetting

_NAMES = {
    "copy": "copy text title headline creative creative_text ad_text 文案 标题 创意 创意标题 推广标题 文案内容 广告语 "
    "商品文案 標題",
    "impressions": "impressions impression shown views pv exposure 曝光 曝光量 曝光数 曝光次数 展现 展现量 展现数 "
    "展现次数 展示 展示量 展示次数",
    "clicks": "clicks click clicked 点击 点击量 点击数 点击次数 點擊 點擊量",
    "position": "position pos rank 位置 坑位 排名 展位 位次 坑位序号",
    "slot": "slot placement resource 资源位 资源位名称 渠道 版位 广告位 推广位 位置名称",
    "date": "date day 日期 时间 统计日期 数据日期 天",
    "product": "product product_id product_name item item_id sku spu 商品 商品名 商品名称 商品id 商品编号 宝贝 宝贝id "
    "宝贝名称 产品 计划商品",
}
_NEEDED = ("copy", "impressions", "clicks", "product")
_OUTCOME = re.compile(
    r"ctr|点击率|點擊率|转化|轉化|成交|roi|winner|胜出|significan|cvr|gmv|加购|花费|cost|cpc", re.IGNORECASE
)
"""Columns made of the outcome, or known only after it: never read."""
_DECORATION = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[\s_*-]")
_NUMBER = re.compile(r"(\d+(?:\.\d+)?)(万|w)?", re.IGNORECASE)
_DATE = re.compile(r"(\d{4})[-/.年]?(\d{1,2})[-/.月]?(\d{1,2})日?(?:[ T].*)?")
ENCODINGS = ("utf-8-sig", "gb18030")


def _plain(name: str) -> str:
    return _DECORATION.sub("", unicodedata.normalize("NFKC", name).lower())


_FIELDS = {_plain(name): key for key, names in _NAMES.items() for name in names.split()}


@dataclass(frozen=True, slots=True)
class Row:
    """One line: one copy of one product in one place on one day, or for as long as the line stands for."""

    line: int
    copy: str
    impressions: int
    clicks: int
    product: str
    position: str = ""
    slot: str = ""
    day: int = 0
    """Proleptic ordinal; 0 when the export has no dates."""


@dataclass(frozen=True, slots=True)
class RowError:
    """Why a line was left out."""

    line: int
    column: str
    message: str
    """What was got, and the fix."""

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


@dataclass(frozen=True, slots=True)
class Export:
    """What a file held."""

    rows: tuple[Row, ...]
    errors: tuple[RowError, ...]
    columns: dict[str, str]
    """Field -> the column it was read from."""
    left_out: tuple[str, ...]
    """Columns not read."""
    outcome_columns: tuple[str, ...] = field(default=())
    """Those of them that are made of clicks or come after them."""


def read_maps(entries: Sequence[str]) -> dict[str, str]:
    """Read `--map 素材=copy`.

    Raises:
        InvalidSetting: Not COLUMN=FIELD, or no such field.
    """
    chosen = {}
    for entry in entries:
        column, _, name = (part.strip() for part in entry.rpartition("="))
        if not column or name not in _NAMES:
            raise InvalidSetting(
                f"{entry!r}; write COLUMN=FIELD, a field being one of {', '.join(_NAMES)}", name="--map"
            )
        chosen[column] = name
    return chosen


def read_export(path: Path, chosen: Mapping[str, str] | None = None) -> Export:
    """Read a CSV or TSV file, UTF-8 or GB 18030.

    Args:
        chosen: Column -> field, where the guess from the name is not what is meant.

    Raises:
        InvalidFile: Not such a file, or a header without the columns that are needed.
    """
    if path.suffix.lower() in (".xlsx", ".xls"):
        raise InvalidFile("a spreadsheet; save the sheet as CSV (另存为 CSV UTF-8)", path=str(path))
    reader = csv.reader(io.StringIO(text := _read(path), newline=""), delimiter=_delimiter(text))
    try:
        header = [cell.strip() for cell in next(reader, [])]
        columns = _assign(header, chosen or {}, path)
        rows: list[Row] = []
        errors: list[RowError] = []
        line = reader.line_num + 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                read = _row(cells, header, columns, line)
                rows.append(read) if isinstance(read, Row) else errors.append(read)
            line = reader.line_num + 1
    except csv.Error as error:
        raise InvalidFile(f"not CSV: {error}", path=str(path), line=reader.line_num) from error
    left_out = tuple(name for name in header if name and name not in columns.values())
    outcomes = tuple(name for name in left_out if _OUTCOME.search(name))
    return Export(tuple(rows), tuple(errors), columns, left_out, outcomes)


def _read(path: Path) -> str:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidFile(f"cannot be read: {error.strerror}", path=str(path)) from error
    for encoding in ENCODINGS:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidFile(f"not readable as {' or '.join(ENCODINGS)}; save it as CSV UTF-8", path=str(path))


def _delimiter(text: str) -> str:
    return max(",\t;", key=text.partition("\n")[0].count)


def _assign(header: Sequence[str], chosen: Mapping[str, str], path: Path) -> dict[str, str]:
    if missing := [column for column in chosen if column not in header]:
        raise InvalidFile(f"no column {missing[0]!r} among: {', '.join(header)}", path=str(path), line=1)
    columns = {name: column for column, name in chosen.items()}
    for column in header:
        name = _FIELDS.get(_plain(column))
        if name and column not in chosen:
            columns.setdefault(name, column)
    for name in _NEEDED:
        if name not in columns:
            known = "、".join(_NAMES[name].split()[:12])
            raise InvalidFile(
                f"no column for {name} among: {', '.join(header) or '(empty file)'}; "
                f"name it one of {known}, or say which with --map COLUMN={name}",
                path=str(path),
                line=1,
            )
    return columns


def _row(cells: Sequence[str], header: Sequence[str], columns: Mapping[str, str], line: int) -> Row | RowError:
    if len(cells) != len(header):
        what = f"{len(cells)} fields, header has {len(header)}; quote a text that holds a comma"
        return RowError(line, header[min(len(cells), len(header) - 1)], what)
    named = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    told = {name: named[column] for name, column in columns.items()}

    def wrong(name: str, message: str) -> RowError:
        return RowError(line, columns[name], message)

    for name in ("copy", "product"):
        if not told[name]:
            return wrong(name, f"empty; give the {name}, or delete the line")
    counts = {}
    for name in ("impressions", "clicks"):
        count = _count(told[name])
        if count is None:
            return wrong(name, f"{told[name]!r} is no whole number; write it like 1234")
        counts[name] = count
    if counts["clicks"] > counts["impressions"]:
        return wrong(
            "clicks", f"{counts['clicks']} clicks of {counts['impressions']} impressions; are the two columns swapped?"
        )
    day = _day(told.get("date", ""))
    if day is None:
        return wrong("date", f"{told['date']!r} is no date; write it like 2026-11-26")
    return Row(
        line,
        " ".join(told["copy"].split()),
        counts["impressions"],
        counts["clicks"],
        told["product"],
        told.get("position", ""),
        told.get("slot", ""),
        day,
    )


def _count(text: str) -> int | None:
    """1234, 1,234 and 1.2万 as numbers; None for what is no count."""
    found = _NUMBER.fullmatch(unicodedata.normalize("NFKC", text).replace(",", ""))
    if not found:
        return None
    value = float(found[1]) * (10_000 if found[2] else 1)
    return round(value) if abs(value - round(value)) < 1e-6 else None


def _day(text: str) -> int | None:
    """0 for no date, None for what is none."""
    if not text:
        return 0
    found = _DATE.fullmatch(text)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])).toordinal() if found else None
    except ValueError:
        return None
