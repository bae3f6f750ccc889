"""Files of every kind a merchant or a public graph comes in -> triples. Knows the formats, nothing of the store.

Tables: subject, relation, object (+ subject_type, industries, confidence), or canonical, alias; with a header in
English or Chinese, or three bare columns. JSON: schema.org Product JSON-LD. JSON lines: OpenBG-CSK. Text: the Shopify
taxonomy's category list. RDF files go to the store as they are (`rdf_format`).
"""

import csv
import io
import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pyoxigraph as ox

from copygen.errors import InvalidFile
from copygen.text import normalize
from copygen.triples import ALIAS, IS_A, Triple

RDF_FORMATS = {
    ".ttl": ox.RdfFormat.TURTLE,
    ".nt": ox.RdfFormat.N_TRIPLES,
    ".nq": ox.RdfFormat.N_QUADS,
    ".trig": ox.RdfFormat.TRIG,
    ".rdf": ox.RdfFormat.RDF_XML,
    ".jsonld": ox.RdfFormat.JSON_LD,
}
_COLUMNS = {
    "subject": ("subject", "主语", "实体", "canonical", "规范名"),
    "relation": ("relation", "predicate", "关系", "属性"),
    "object": ("object", "宾语", "值", "alias", "别名"),
    "kind": ("subject_type", "kind", "类型", "主语类型"),
    "industries": ("industries", "industry", "行业"),
    "confidence": ("confidence", "置信度", "可信度"),
}
_ALIAS_COLUMNS = frozenset({"alias", "别名"})
# Public graphs' relation -> (ours, kind of the subject, confidence). What OpenBG-CSK calls salient is plausible of the
# kind, not true of each product: medium.
_RELATIONS = {
    "品类_适用_场景": ("适合场景", "品类", "medium"),
    "品类_适用_人物": ("适合人群", "品类", "medium"),
    "品类_搭配_品类": ("搭配", "品类", "medium"),
    "人物_蕴含_场景": ("适合场景", "人群", "medium"),
    "上级品类": (IS_A, "品类", "high"),
    "可选属性": ("可选属性", "品类", "high"),
    "属性取值": ("属性取值", "属性", "high"),
}
_CONFIDENCES = {"": "high", "高": "high", "中": "medium", "high": "high", "medium": "medium"}
# schema.org/Product property -> our relation.
_PRODUCT = {
    "alternateName": ALIAS,
    "category": IS_A,
    "brand": "品牌",
    "material": "材质",
    "color": "颜色",
    "size": "尺寸",
    "weight": "重量",
    "pattern": "图案",
    "audience": "适合人群",
    "award": "荣誉",
    "slogan": "品牌口号",
    "countryOfOrigin": "产地",
    "positiveNotes": "优点",
    "isRelatedTo": "搭配",
    "isAccessoryOrSparePartFor": "搭配",
}


def rdf_format(path: Path) -> ox.RdfFormat | None:
    """The RDF format of a file, None when it is a table or another format of `read_triples`."""
    found = RDF_FORMATS.get(path.suffix.lower())
    if found == ox.RdfFormat.JSON_LD and _is_product_json(path):
        return None  # its context is a web address the store would have to fetch
    return found


def read_triples(path: Path) -> Iterator[Triple]:
    """Read any of the non-RDF formats, told by suffix and first line.

    Raises:
        InvalidFile: Names the file, the line, what was found and what was expected.
    """
    suffix = path.suffix.lower()
    if suffix in (".jsonl", ".ndjson"):
        return _openbg_lines(path)
    if suffix in (".json", ".jsonld"):
        return _products(path)
    text = read_text(path)
    if text.lstrip().startswith("#") and "gid://shopify/" in text:
        return _shopify_categories(path, text)
    if suffix in (".csv", ".tsv", ".txt"):
        return _table(path, text, "," if suffix == ".csv" else "\t")
    known = ", ".join((".csv", ".tsv", ".txt", ".jsonl", ".json", *RDF_FORMATS))
    raise InvalidFile(f"{suffix or 'no suffix'} is not a known graph format; use one of {known}", path=str(path))


def read_text(path: Path) -> str:
    """Decode UTF-8, else GB18030 as Excel in China writes it."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InvalidFile(error.strerror or str(error), path=str(path)) from error
    for encoding in ("utf-8-sig", "gb18030"):
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise InvalidFile("neither UTF-8 nor GB18030; save it as UTF-8", path=str(path))


def _table(path: Path, text: str, delimiter: str) -> Iterator[Triple]:
    reader = csv.reader(io.StringIO(text), delimiter=delimiter, quoting=csv.QUOTE_NONE if delimiter == "\t" else 0)
    columns: dict[str, int] | None = None
    aliases = False
    for number, cells in enumerate(reader, 1):
        if not any(cell.strip() for cell in cells):
            continue
        if columns is None:
            header = [cell.strip().lower() for cell in cells]
            found = {key: header.index(name) for key, names in _COLUMNS.items() for name in names if name in header}
            if {"subject", "object"} <= found.keys():
                columns, aliases = found, bool(_ALIAS_COLUMNS & set(header))
                if not aliases and "relation" not in columns:
                    raise InvalidFile("the header has no relation column", path=str(path), line=number)
                continue
            columns = {"subject": 0, "relation": 1, "object": 2}
        if len(cells) <= max(columns[key] for key in columns if key in ("subject", "relation", "object")):
            raise InvalidFile(
                f"{len(cells)} fields; expected subject, relation, object separated by {delimiter!r}",
                path=str(path), line=number,
            )  # fmt: skip
        row = {key: normalize(cells[at]) for key, at in columns.items() if at < len(cells)}
        relation = ALIAS if aliases else row["relation"]
        if empty := [key for key in ("subject", "object") if not row[key]] + ([] if relation else ["relation"]):
            raise InvalidFile(f"no value for: {', '.join(empty)}", path=str(path), line=number)
        confidence = row.get("confidence", "").lower()
        if confidence not in _CONFIDENCES:
            raise InvalidFile(f"confidence {confidence!r}; expected high or medium", path=str(path), line=number)
        industries = tuple(filter(None, row.get("industries", "").split("|")))
        ours, kind, default = _RELATIONS.get(relation, (relation, "", "high"))
        yield Triple(
            subject=row["subject"],
            relation=ours,
            object=row["object"],
            kind="" if aliases else row.get("kind", "") or kind,
            confidence=_CONFIDENCES[confidence] if confidence else default,
            industries=industries,
        )


def _openbg_lines(path: Path) -> Iterator[Triple]:
    """Rows labelled salient; the others are the task's negatives or not labelled, and are left out."""
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
            subject, predicate, value = (normalize(str(row[key])) for key in ("subject", "predicate", "object"))
        except (ValueError, KeyError, TypeError) as error:
            expected = "expected an object with subject, predicate, object, salience"
            raise InvalidFile(f"{expected}; {error!r}", path=str(path), line=number) from error
        if str(row.get("salience")) != "1":
            continue
        relation, kind, confidence = _RELATIONS.get(predicate, (predicate, "", "medium"))
        yield Triple(subject, relation, value, kind, confidence)


def _shopify_categories(path: Path, text: str) -> Iterator[Triple]:
    """'gid : A > B > C' -> C 属于 B. A leaf name used twice is told apart by its parent: 领结（宠物服饰）."""
    paths: list[tuple[str, ...]] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip() or line.startswith("#"):
            continue
        head, separator, names = line.partition(" : ")
        if not separator or not head.startswith("gid://"):
            raise InvalidFile("expected 'gid://… : A > B > C'", path=str(path), line=number)
        paths.append(tuple(normalize(name) for name in names.split(" > ")))
    leaves = Counter(steps[-1] for steps in paths)
    doubles = Counter(steps[-2:] for steps in paths)

    def name(steps: tuple[str, ...]) -> str:
        if leaves[steps[-1]] == 1 or len(steps) == 1:
            return steps[-1]
        return f"{steps[-1]}（{steps[-2] if doubles[steps[-2:]] == 1 else '/'.join(steps[:-1])}）"

    for steps in paths:
        if len(steps) > 1:
            yield Triple(name(steps), IS_A, name(steps[:-1]), "品类")
        if name(steps) != steps[-1]:
            yield Triple(name(steps), ALIAS, steps[-1], "品类")


def _is_product_json(path: Path) -> bool:
    try:
        return any(True for _ in _nodes(json.loads(read_text(path))))
    except ValueError:
        return False


def _nodes(value: object) -> Iterator[dict[str, object]]:
    """Every schema.org Product in a JSON document, however wrapped."""
    if isinstance(value, list):
        for item in value:
            yield from _nodes(item)
    elif isinstance(value, dict):
        types = value.get("@type", [])
        types = types if isinstance(types, list) else [types]
        if any(str(kind).rsplit("/", 1)[-1].removeprefix("schema:") in ("Product", "ProductGroup") for kind in types):
            yield value
        for key in ("@graph", "itemListElement", "item", "hasVariant", "mainEntity"):
            yield from _nodes(value.get(key))


def _texts(value: object) -> Iterator[str]:
    """The plain texts of a JSON-LD value: literals, named things, quantities, lists of them."""
    if isinstance(value, list):
        for item in value:
            yield from _texts(item)
    elif isinstance(value, dict):
        if "itemListElement" in value:
            yield from _texts(value["itemListElement"])
            return
        inner = next((value[k] for k in ("@value", "name", "audienceType", "value") if value.get(k) is not None), None)
        unit = value.get("unitText") or value.get("unitCode") or ""
        for text in _texts(inner):
            yield f"{text}{unit}"
    elif isinstance(value, str | int | float) and not isinstance(value, bool) and (text := normalize(str(value))):
        yield text


def _products(path: Path) -> Iterator[Triple]:
    try:
        document = json.loads(read_text(path))
    except ValueError as error:
        raise InvalidFile(f"not JSON: {error}", path=str(path)) from error
    found = 0
    for node in _nodes(document):
        name = next(_texts(node.get("name")), "")
        if not name:
            raise InvalidFile("a schema.org Product has no name", path=str(path))
        found += 1
        for key, relation in _PRODUCT.items():
            for text in _texts(node.get(key.removeprefix("schema:"))):
                # A category is often a path; its last step is the nearest parent.
                value = text.replace("/", ">").split(">")[-1].strip() if relation == IS_A else text
                if value and value != name:
                    yield Triple(name, relation, value, "商品")
        extra = node.get("additionalProperty")
        for item in extra if isinstance(extra, list) else [extra]:
            if isinstance(item, dict) and (relation := next(_texts(item.get("name")), "")):
                for value in _texts({**item, "name": None}):
                    yield Triple(name, relation, value, "商品")
    if not found:
        raise InvalidFile("no schema.org Product in it", path=str(path))
