"""Traffic reports of 生意参谋, 京麦, 万相台 and their like: CSV and XLSX with a line a day and copy -> day counts.

Columns are known by their names, in Chinese or English; `--map 列名=click` says what cannot be guessed. Such reports
have no id of the copy unless it was put in the creative's name, so a line may name the product instead, and the
registry of what is live says which copy that was.
"""

import csv
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import chain, islice
from pathlib import Path

from copygen.errors import InvalidFile, InvalidSetting

from serving.jobs.columns import plain
from serving.jobs.table_io import detect_encoding
from serving.jobs.xlsx_in import xlsx_rows
from serving.loop.event import KINDS, DayCount

_NAMES = {
    "copy": "copy copy_id creative creative_id ad_id 文案 文案id 文案编号 创意 创意id 创意编号 素材id 文案編號 創意id",
    "product": "id product product_id item_id sku skuid spu 商品id 宝贝id 商品编号 商品编码 货号 主体id 商品sku "
    "商品編號 商品編碼",
    "slot": "slot placement position 资源位 资源位名称 广告位 位置 展示位置 渠道 流量来源 投放位置 版位 資源位 廣告位",
    "day": "day date 日期 统计日期 统计时间 时间 日 數據日期 数据日期 統計日期",
    "impression": "impression impressions views exposures 展现 展现量 展现数 曝光 曝光量 曝光数 曝光次数 展示量 "
    "展示次数 商品曝光量 商品展现量 搜索曝光量 展現量 曝光數",
    "click": "click clicks 点击 点击量 点击数 点击次数 商品点击量 商品点击次数 商品点击数 點擊量 點擊數",
    "add_to_cart": "add_to_cart carts add_to_carts 加购 加购数 加购量 加购件数 商品加购件数 加购次数 总购物车数 "
    "总加购数 加入购物车次数 加購件數",
    "order": "order orders conversions 订单 订单数 订单量 成交订单数 成交单量 成交笔数 总成交笔数 总订单行 下单单量 "
    "支付订单数 支付子订单数 支付件数 成交件数 訂單數 成交筆數",
}
USES = (*_NAMES, "-")
_USES = {plain(name): use for use, names in _NAMES.items() for name in names.split()}
_HEAD_ROWS = 20
"""Above the header such files have a title, a shop, a span of days."""
_NEEDED = {"day", "impression"}
_NUMBER = re.compile(r"^(\d+(?:\.\d+)?)(万|萬|亿|億)?$")
_SCALES = {"万": 10_000, "萬": 10_000, "亿": 100_000_000, "億": 100_000_000}
_TIME = re.compile(r"[ T]\d{1,2}:\d{2}(?::\d{2})?$")
_NOTHING = {"", "-", "--", "—", "/"}
_DAYS = ("%Y-%m-%d", "%Y/%m/%d", "%Y%m%d", "%Y.%m.%d", "%Y年%m月%d日")

FindCopy = Callable[[str, str, str], str | None]
"""(product, slot, day) -> id of the copy that was live, if exactly one was."""


@dataclass(slots=True)
class TrafficReport:
    """What a file came to."""

    columns: Mapping[str, str]
    """Column -> what it was read as; '-' is left out."""
    counts: list[DayCount] = field(default_factory=list)
    problems: list[InvalidFile] = field(default_factory=list)
    """Lines that could not be used."""


def read_traffic(
    path: Path,
    *,
    maps: Sequence[str] = (),
    slot: str = "",
    find_copy: FindCopy = lambda product, slot, day: None,
) -> TrafficReport:
    """Read a report; lines of one copy, slot and day are added up.

    Args:
        maps: COLUMN=USE each, on top of what the names say.
        slot: For files without a column of it.

    Raises:
        InvalidFile: No table, no header within twenty rows, or a column that is needed is not there.
        InvalidSetting: An entry of `maps` is not COLUMN=USE.
    """
    named = _read_maps(maps)
    rows = _cells(path)
    head = list(islice(rows, _HEAD_ROWS))
    headers = ((at, uses) for at, (_, cells) in enumerate(head) if set(uses := _uses(cells, named)) >= _NEEDED)
    at, uses = next(headers, (-1, []))
    if not uses:
        raise InvalidFile(
            f"no header with a day and impressions in the first {_HEAD_ROWS} rows; name columns 日期 and 展现量, or "
            "say which they are with --map 列名=day --map 列名=impression",
            path=path.name,
        )
    line, cells = head[at]
    if missing := [name for name in named if name not in cells]:
        raise InvalidFile(f"no column {missing[0]!r} among: {', '.join(cells)}", path=path.name, line=line)
    if "copy" not in uses and "product" not in uses:
        raise InvalidFile("no column for the copy (文案ID) or the product (商品ID)", path=path.name, line=line)
    if "slot" not in uses and not slot:
        raise InvalidFile("no column for the slot (资源位); say which it is with --slot", path=path.name, line=line)
    report = TrafficReport({cell.strip(): use for cell, use in zip(cells, uses, strict=True) if cell.strip()})
    sums: dict[tuple[str, str, str], DayCount] = {}
    for line, cells in chain(head[at + 1 :], rows):
        values = {use: cell.strip() for use, cell in zip(uses, cells, strict=False) if use != "-"}
        if not any(values.values()):
            continue
        try:
            count = _count(values, slot, find_copy)
        except ValueError as error:
            report.problems.append(InvalidFile(str(error), path=path.name, line=line))
            continue
        place = (count.copy_id, count.slot, count.day)
        before = sums.get(place, DayCount(*place))
        sums[place] = DayCount(*place, *(before.of(kind) + count.of(kind) for kind in KINDS))
    report.counts = list(sums.values())
    return report


def _read_maps(maps: Sequence[str]) -> dict[str, str]:
    named = {}
    for entry in maps:
        column, _, use = (part.strip() for part in entry.rpartition("="))
        if not column or use not in USES:
            raise InvalidSetting(f"{entry!r}; write COLUMN=USE, a use being one of {', '.join(USES)}", name="--map")
        named[column] = use
    return named


def _uses(cells: Sequence[str], named: Mapping[str, str]) -> list[str]:
    """What each column is; the first of a use is it, unless another was named."""
    taken, uses = set(named.values()), []
    for cell in (cell.strip() for cell in cells):
        use = named.get(cell)
        if use is None:
            use = _USES.get(plain(cell), "-")
            use = "-" if use in taken else use
            taken.add(use)
        uses.append(use)
    return uses


def _count(values: Mapping[str, str], slot: str, find_copy: FindCopy) -> DayCount:
    """One line.

    Raises:
        ValueError: Says what cannot be used of it.
    """
    day = _day(values.get("day", ""))
    slot = values.get("slot") or slot
    copy_id = values.get("copy", "")
    if not copy_id:
        product = values.get("product", "")
        found = find_copy(product, slot, day) if product else None
        if found is None:
            raise ValueError(f"product {product!r}: not exactly one published copy in {slot!r} on {day}")
        copy_id = found
    if len(copy_id) > 64 or len(slot) > 64:
        raise ValueError("copy and slot have at most 64 characters")
    figures = [_number(kind, values.get(kind, "")) for kind in KINDS]
    return DayCount(copy_id, slot, day, *figures)


def _day(text: str) -> str:
    for form in _DAYS:
        try:
            return datetime.strptime(_TIME.sub("", text), form).date().isoformat()
        except ValueError:
            continue
    raise ValueError(f"{text!r} is not one day, such as {date.today().isoformat()}; export the report by day")


def _number(kind: str, text: str) -> int:
    """'1,234', '1.2万', '-'.

    Raises:
        ValueError: Anything else.
    """
    bare = text.replace(",", "").replace("，", "").strip()
    if bare in _NOTHING:
        return 0
    match = _NUMBER.match(bare)
    if match is None:
        raise ValueError(f"{kind} is {text!r}; expected a number")
    return round(float(match[1]) * _SCALES.get(match[2] or "", 1))


def _cells(path: Path) -> Iterator[tuple[int, list[str]]]:
    """(line, cells) of every row that has any."""
    if not path.is_file():
        raise InvalidFile("no such file", path=str(path))
    suffix = path.suffix.lower()
    if suffix == ".xlsx":
        yield from xlsx_rows(path)
    elif suffix in (".csv", ".tsv", ".txt"):
        encoding = detect_encoding(path)
        try:
            with path.open(encoding=encoding, newline="") as source:
                first = source.readline()
                source.seek(0)
                reader = csv.reader(source, delimiter="\t" if suffix == ".tsv" or "\t" in first else ",")
                for cells in reader:
                    if any(cell.strip() for cell in cells):
                        yield reader.line_num, [cell.strip("\ufeff") for cell in cells]
        except (UnicodeDecodeError, csv.Error) as error:
            raise InvalidFile(f"not readable as {encoding}: {error}", path=path.name) from error
    else:
        raise InvalidFile(f"unknown ending {path.suffix!r}; use .csv, .tsv or .xlsx", path=str(path))
