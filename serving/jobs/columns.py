"""What each column of a merchant's table is for: guessed from its name, shown before a run, overridable."""

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from copygen.channel import get_channel, load_channels
from copygen.errors import InvalidBrief, InvalidFile, InvalidSetting, UnknownChannel

ATTRIBUTE = "attribute"
"""The column is one attribute; its name is the attribute's name."""
ATTRIBUTES = "attributes"
"""The column holds several: 键:值;键:值."""
LEFT_OUT = "-"
"""The column is repeated in the output and never told to the model."""

_PRODUCT = ("name", "brand", "category", "price")
EXTRA = ("url", "campaign", "ad_group")
"""What an advertisement needs beside its copy."""

# Names merchants give columns -> what the column is for. Any other name is an attribute.
_NAMES = {
    "id": "id name_id sku spu item_id product_id 编号 商品编号 商品编码 商品id 商家编码 货号 款号 編號 商品編號 貨號",
    "name": "name title product product_name product_title 商品名 商品名称 商品标题 名称 标题 品名 产品名 产品名称 "
    "宝贝标题 宝贝名称 商品名稱 商品標題 名稱 標題 產品名稱",
    "brand": "brand brand_name 品牌 品牌名 品牌名称 品牌名稱",
    "category": "category category_name product_type 类目 商品类目 品类 类别 分类 商品分类 類目 品類 類別 分類",
    "price": "price sale_price 价格 售价 销售价 到手价 現價 现价 價格 售價 到手價",
    "industry": "industry 行业 行業",
    "channel": "channel channels 渠道 投放渠道 文案渠道",
    "tone": "tone 语气 风格调性 文案风格 語氣 文案風格",
    "audience": "audience 人群 目标人群 受众 目標人群 受眾",
    "phase": "phase 阶段 活动阶段 階段 活動階段",
    "lang": "lang language 语言 語言",
    "keywords": "keywords keyword 关键词 關鍵詞 關鍵字",
    "avoid": "avoid 避用词 不要出现 避用詞",
    "n": "n copies 条数 文案条数 條數",
    ATTRIBUTES: "attributes attrs 属性 商品属性 产品属性 参数 商品参数 产品参数 規格參數 规格参数 屬性 商品屬性",
    "url": "url link final_url landing_page product_url 链接 商品链接 产品链接 宝贝链接 落地页 連結 商品連結",
    "campaign": "campaign 广告系列 推广计划 廣告活動",
    "ad_group": "ad_group 广告组 推广单元 廣告群組",
    LEFT_OUT: "image images image_url picture stock inventory 图片 主图 商品图片 图片链接 主图链接 库存 销量 序号",
}
_DECORATION = re.compile(r"\(.*?\)|\[.*?\]|【.*?】|[\s_*-]")
_LIST_MARK = re.compile(r"[,，;；、/|\n+]")


def plain(column: str) -> str:
    """'*商品名称（必填）' and '商品名称' are one name, 'Product Name' and 'product_name' too."""
    return _DECORATION.sub("", unicodedata.normalize("NFKC", column).lower())


_USES = {plain(name): use for use, names in _NAMES.items() for name in names.split()}
USES = (*_NAMES, ATTRIBUTE)


@dataclass(frozen=True, slots=True)
class Column:
    """One column and what it is for: a field of the record, an attribute, or nothing."""

    name: str
    use: str


@dataclass(frozen=True, slots=True)
class Choice:
    """What the merchant says of columns; the rest is guessed."""

    uses: Mapping[str, str] = field(default_factory=dict)
    """Column -> use."""
    attributes: tuple[str, ...] = ()
    """Where given, these columns are the attributes and no other unknown column is."""


def read_choice(maps: Sequence[str], attributes: Sequence[str]) -> Choice:
    """Read `--map 品名=name` and `--attr 材质,颜色`; both may come several times, and hold several with commas.

    Raises:
        InvalidSetting: Not COLUMN=FIELD, or no such field.
    """
    uses = {}
    for entry in _entries(maps):
        column, _, named = (part.strip() for part in entry.rpartition("="))
        use = named if named in USES else _USES.get(plain(named), "")
        if not column or not use:
            raise InvalidSetting(f"{entry!r}; write COLUMN=FIELD, a field being one of {', '.join(USES)}", name="--map")
        uses[column] = use
    return Choice(uses, tuple(_entries(attributes)))


def _entries(values: Sequence[str]) -> list[str]:
    return [entry.strip() for value in values for entry in re.split("[,，]", value) if entry.strip()]


def assign(header: Sequence[str], choice: Choice, path: str, *, whole: bool = True) -> tuple[Column, ...]:
    """Say what each column of a table is for.

    The first column of a field is the field; a later one is left out, since nobody can tell which of them is meant.

    Args:
        whole: Every column the choice names has to be there; one JSON object of many need not have them all.

    Raises:
        InvalidFile: No column for the product's name, or a column was named that is not there.
    """
    named = {**choice.uses, **dict.fromkeys(choice.attributes, ATTRIBUTE)}
    if whole and (missing := [column for column in named if column not in header]):
        raise InvalidFile(f"no column {missing[0]!r} among: {', '.join(header)}", path=path, line=1)
    taken = {use for column, use in named.items() if column in header}
    columns = []
    for name in header:
        use = named.get(name) or _guess(name, choice)
        if name not in named and use not in (ATTRIBUTE, ATTRIBUTES, LEFT_OUT):
            use = LEFT_OUT if use in taken else use
            taken.add(use)
        columns.append(Column(name, use))
    if "name" not in taken:
        raise InvalidFile(
            f"no column for the product's name among: {', '.join(header) or '(empty file)'}; "
            "name one of them name, 商品名 or 标题, or say which with --map 列名=name",
            path=path,
            line=1,
        )
    return tuple(columns)


def _guess(name: str, choice: Choice) -> str:
    use = _USES.get(plain(name))
    return use or (LEFT_OUT if choice.attributes or not name else ATTRIBUTE)


def names_product(record: Mapping[str, object], choice: Choice) -> bool:
    """Whether a JSON object is a row of a table rather than a brief: no products, and a key that is a name's."""
    return "products" not in record and any((choice.uses.get(key) or _guess(key, choice)) == "name" for key in record)


def record_of(columns: Sequence[Column], cells: Sequence[object]) -> tuple[dict[str, object], dict[str, str]]:
    """The record a row of cells stands for, and what of it is for advertisements only.

    Args:
        cells: One for each column; empty ones give nothing.

    Raises:
        InvalidBrief: A cell of attributes that are no pairs.
    """
    record: dict[str, object] = {}
    product: dict[str, object] = {}
    attributes: list[list[object]] = []
    extra: dict[str, str] = {}
    for column, cell in zip(columns, cells, strict=True):
        if cell is None or (isinstance(cell, str) and not cell.strip()):
            continue
        if column.use == ATTRIBUTES:
            attributes += _pairs(cell)
        elif column.use == ATTRIBUTE:
            attributes.append([column.name, cell])
        elif column.use in _PRODUCT:
            product[column.use] = cell
        elif column.use in EXTRA:
            extra[column.use] = str(cell).strip()
        elif column.use == "n" and isinstance(cell, str) and cell.strip().isdecimal():
            record["n"] = int(cell)
        elif column.use != LEFT_OUT:
            record[column.use] = cell
    return {**record, "products": [{**product, "attributes": attributes}]}, extra


def _pairs(cell: object) -> list[list[object]]:
    if isinstance(cell, Mapping):
        return [[name, value] for name, value in cell.items()]
    return [list(pair) for pair in parse_attributes(str(cell))]


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


def read_channels(value: object) -> list[str]:
    """The channels a cell names: '发现好货、种草' -> discover, note; an unknown one stays, for the brief to report."""
    if isinstance(value, list):
        return list(dict.fromkeys(channel for item in value for channel in read_channels(item)))
    parts = [part.strip() for part in _LIST_MARK.split(value) if part.strip()] if isinstance(value, str) else []
    return list(dict.fromkeys(_channel(part) for part in parts))


def _channel(named: str) -> str:
    """A channel's id, for its name in either script, or for a beginning that only one name has."""
    try:
        return get_channel(named).id
    except UnknownChannel:
        begun = [c.id for c in load_channels().values() if c.name.startswith(named) or c.name_hant.startswith(named)]
        return begun[0] if len(begun) == 1 else named
