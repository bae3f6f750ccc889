"""What a merchant pastes, a title, a product page or a row of a table, as the fields of a form.

Rules and the knowledge graph, no model: the same text gives the same form. What was guessed is marked as unsure.
"""

import csv
import io
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from copygen.errors import CopygenError
from copygen.graph import KnowledgeGraph
from copygen.linking import find_mentions, fold
from copygen.sense import industries_of
from copygen.text import normalize

from serving.jobs.columns import Choice, assign, record_of
from serving.web.page_pairs import Pair, clean_line, find_pairs, is_left_out, parts, split_line
from serving.web.page_price import find_price

MAX_CHARS = 20_000
MAX_ATTRIBUTES = 40
_MAX_BLANKS = 4
_TITLE_LINES = 8
"""Lines from the top in which a title is looked for."""
_NAME_KEYS = frozenset("名称 品名 商品名称 商品名 产品名称 标题 商品标题 宝贝标题 宝贝名称 产品名".split())
_BRAND_KEYS = frozenset("品牌 品牌名称 品牌名".split())
_CATEGORY_KEYS = frozenset("类目 品类 类别 产品类别 商品类目 商品分类 产品类型".split())
_PREFIX = re.compile(r"^(?:【[^】]*】|\[[^\]]*\]|[🔥✨⭐❗]+)+\s*")
_BRAND = re.compile(r"^([A-Za-z\u3400-\u9fff][A-Za-z\u3400-\u9fff·'&]{0,9}?)(?:旗舰店|官方旗舰店)?[\s/]")
_NOT_A_TITLE = re.compile(
    r"[。！？!?；]|大家好|上新|推荐$|详情|参数|首页|[>＞]|优惠|领券|评价|^\d|[￥¥]|元$|立即|我们|感谢|信息|info",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class Extraction:
    """A product as far as a text tells it."""

    name: str = ""
    brand: str = ""
    category: str = ""
    price: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    unsure: frozenset[str] = frozenset()
    """Fields that were guessed: name, brand, category, price, attributes.<name>."""


def extract(text: str, graph: KnowledgeGraph) -> Extraction:
    """Read a pasted text; nothing in it is an error, what is not found stays empty.

    Args:
        text: Of any length; what is past MAX_CHARS is not read.
        graph: Knows which words name goods.
    """
    text = text[:MAX_CHARS]
    lines = [line for line in (normalize_line(line) for line in text.splitlines()) if line.strip()]
    row, rest = _read_row(lines)
    page = _read_page(rest, graph) if rest else Extraction()
    return _merge(row, page, graph) if row is not None else page


def normalize_line(line: str) -> str:
    """A line in plain widths, its tabs and a few of its blanks kept: they may separate cells."""
    cells = (part[:_MAX_BLANKS] if part.isspace() else normalize(part) for part in re.split(r"(\s+)", line))
    return "".join(cells).rstrip()


def _read_row(lines: Sequence[str]) -> tuple[Extraction | None, list[str]]:
    """A product from a header and the row under it, and the lines that are neither."""
    for at, line in enumerate(lines[:3]):
        mark = "\t" if line.count("\t") >= 2 else "," if line.count(",") >= 2 else ""
        if not mark or at + 1 == len(lines):
            continue
        header, cells = (_cells(each, mark) for each in lines[at : at + 2])
        if len(header) < 3 or abs(len(header) - len(cells)) > 1 or not all(len(cell) <= 16 for cell in header):
            continue
        width = min(len(header), len(cells))
        try:
            record, _ = record_of(assign(header[:width], Choice(), "paste"), cells[:width])
        except CopygenError:
            continue
        return _of_record(record), [*lines[:at], *lines[at + 2 :]]
    return None, list(lines)


def _cells(line: str, mark: str) -> list[str]:
    return [cell.strip() for cell in next(csv.reader(io.StringIO(line), delimiter=mark))]


def _of_record(record: dict[str, object]) -> Extraction:
    products = cast(list[dict[str, Any]], record["products"])  # record_of makes a list of one
    product = products[0]
    name, brand, category, price = (str(product.get(key, "")) for key in ("name", "brand", "category", "price"))
    price = find_price([f"价格：{price}"])[0] or price
    attributes = {str(name): str(value) for name, value in product["attributes"]}
    if audience := record.get("audience"):
        attributes["适用人群"] = str(audience)
    kept = {key: value for key, value in attributes.items() if not is_left_out(key)}
    return Extraction(name, brand, category, price, kept)


def _merge(row: Extraction, page: Extraction, graph: KnowledgeGraph) -> Extraction:
    """A row of a table with what the notes around it add; the row is right where both speak."""
    more = {name: value for name, value in page.attributes.items() if name not in row.attributes}
    category = row.category or _category_of(row.name, graph)
    unsure = {f"attributes.{name}" for name in more} | ({"category"} if not row.category and category else set())
    return Extraction(row.name, row.brand, category, row.price, row.attributes | more, frozenset(unsure))


def _read_page(lines: list[str], graph: KnowledgeGraph) -> Extraction:
    told = [pair for line in lines for part in parts(line) if (pair := split_line(part))]
    unsure: set[str] = set()

    def keyed(keys: frozenset[str]) -> str:
        return next((value for name, value in told if name in keys), "")

    name = _clean_title(keyed(_NAME_KEYS)) or ""
    if not name:
        name, certain = _find_title(lines, graph)
        unsure |= set() if certain or not name else {"name"}
    brand, category = keyed(_BRAND_KEYS), keyed(_CATEGORY_KEYS)
    if not brand and name and (brand := _brand_of(name, lines, graph)):
        unsure.add("brand")
    if not category and name and (category := _category_of(name, graph)):
        unsure.add("category")
    price, certain = find_price(lines)
    unsure |= set() if certain or not price else {"price"}
    attributes: dict[str, str] = {}
    for found in _attributes(lines):
        if found.name not in attributes and found.value != name and len(attributes) < MAX_ATTRIBUTES:
            attributes[found.name] = found.value
            if not found.sure:
                unsure.add(f"attributes.{found.name}")
    return Extraction(name, brand, category, price, attributes, frozenset(unsure))


def _attributes(lines: list[str]) -> list[Pair]:
    other = _NAME_KEYS | _BRAND_KEYS | _CATEGORY_KEYS
    return [pair for pair in find_pairs(lines) if pair.name not in other]


def _clean_title(line: str) -> str:
    """A title without shop badges before it and a column's name before a bar."""
    line = _PREFIX.sub("", clean_line(line)).strip()
    head, bar, tail = line.partition("｜") if "｜" in line else line.partition("|")
    return tail.strip() if bar and len(tail.strip()) > len(head.strip()) else line


def _find_title(lines: Sequence[str], graph: KnowledgeGraph) -> tuple[str, bool]:
    """The line near the top that reads most like a title, and whether it is beyond doubt."""
    best, best_score = "", 0.0
    for at, line in enumerate(lines[:_TITLE_LINES]):
        title = _clean_title(line)
        pair = split_line(line)
        if not 4 <= len(title) <= 70 or (pair is not None and not line.lstrip().startswith("【")):
            continue
        score = 2.0 * bool(_goods(title, graph)) + 1.0 * (" " in title) + min(len(title), 24) / 24 - 0.15 * at
        score -= 1.2 * len(_NOT_A_TITLE.findall(title))
        if score > best_score:
            best, best_score = title, score
    return best, best_score >= 2.5


def _goods(title: str, graph: KnowledgeGraph) -> list[str]:
    """Words of a title that name goods, in its order."""
    folded = fold(title)
    return [
        mention.word
        for mention in find_mentions(graph, "name", folded)
        if any(entity.kind in ("品类", "商品") for entity in graph.senses(mention.word)) or industries_of(mention.word)
    ]


def _category_of(title: str, graph: KnowledgeGraph) -> str:
    """What a title sells: the first goods it names; failing that, the first word that ends like a category."""
    goods = _goods(title, graph)
    if heads := [word for word in goods if industries_of(word)] or goods:
        return heads[0]
    for word in re.split(r"[\s/，,、]+", title):
        for end in range(len(word), 1, -1):
            if industries_of(word[:end]):
                return word[max(0, end - 4) : end]
    return ""


def _brand_of(title: str, lines: Sequence[str], graph: KnowledgeGraph) -> str:
    """The first word of a title, where it is no goods and no word of the trade; or what stands before the goods."""
    if (match := _BRAND.match(f"{title} ")) and len(match[1]) <= 8:
        word = match[1]
        goods = _category_of(word, graph)
        if not goods or (len(word) <= 5 and len(goods) < len(word) and " " in title):
            return word
        before, _, _ = fold(word).partition(fold(goods))
        return word[: len(before)] if 2 <= len(before) <= 4 else ""
    return ""
