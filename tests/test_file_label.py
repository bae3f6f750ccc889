"""The implicit label inside files, read back by other libraries than the one that wrote it."""

import hashlib
import io
import json
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from xml.etree import ElementTree

import pytest
from openpyxl import Workbook, load_workbook
from openpyxl.packaging.custom import StringProperty
from pypdf import PdfReader, PdfWriter

from copygen.errors import InvalidFile
from copygen.label import make_label

from serving.jobs.file_label import EMBEDDERS, embed, sidecar_of, write_sidecar

LABEL = make_label("文案 <&\"'>", "某店 & 伙伴 <总部>")
FIELDS = LABEL.metadata()["AIGC"]


def png(pixels: bytes = b"\0\xff") -> bytes:
    """A grey picture of one pixel: filter byte, then the pixel."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", 1, 1, 8, 0, 0, 0, 0)
    body = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(pixels)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + body


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 8
    while at < len(data):
        (length,) = struct.unpack_from(">I", data, at)
        kind, body = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack_from(">I", data, at + 8 + length)[0] == zlib.crc32(kind + body)
        yield kind, body
        at += 12 + length


def xlsx(**properties: str) -> bytes:
    book = Workbook()
    assert book.active is not None
    book.active["A1"] = "标题"
    for name, value in properties.items():
        book.custom_doc_props.append(StringProperty(name=name, value=value))
    target = io.BytesIO()
    book.save(target)
    return target.getvalue()


def pdf() -> bytes:
    writer = PdfWriter()
    writer.add_blank_page(200, 200)
    writer.add_metadata({"/Title": "文案"})
    target = io.BytesIO()
    writer.write(target)
    return target.getvalue()


def test_png_holds_it_as_xmp_and_keeps_its_picture() -> None:
    labelled = EMBEDDERS[".png"](png(), LABEL)
    chunks = list(png_chunks(labelled))
    assert [kind for kind, _ in chunks] == [b"IHDR", b"iTXt", b"IDAT", b"IEND"]
    keyword, _, rest = chunks[1][1].partition(b"\0")
    assert (keyword, rest[:4]) == (b"XML:com.adobe.xmp", b"\0\0\0\0")
    xmp = ElementTree.fromstring(rest[4:].decode().split("?>", 1)[1].rsplit("<?", 1)[0])
    (field,) = xmp.iter("{http://www.tc260.org.cn/ns/AIGC/1.0/}AIGC")
    assert json.loads(field.text or "") == FIELDS
    assert chunks[2] == list(png_chunks(png()))[1]


def test_pdf_holds_it_in_its_information_and_keeps_what_was_there() -> None:
    read = PdfReader(io.BytesIO(EMBEDDERS[".pdf"](pdf(), LABEL)))
    assert read.metadata is not None
    assert json.loads(read.metadata["/AIGC"]) == FIELDS
    assert read.metadata["/Title"] == "文案"
    assert len(read.pages) == 1


@pytest.mark.parametrize(
    "properties",
    [
        pytest.param({}, id="no properties yet"),
        pytest.param({"部门": "运营", "版本": "2"}, id="beside others"),
        pytest.param({"AIGC": "old", "部门": "运营"}, id="instead of an old one"),
    ],
)
def test_office_files_hold_it_as_a_property_and_keep_their_parts(properties: dict[str, str]) -> None:
    before = xlsx(**properties)
    after = EMBEDDERS[".xlsx"](before, LABEL)
    book = load_workbook(io.BytesIO(after))
    named = {prop.name: prop.value for prop in book.custom_doc_props.props}
    assert json.loads(named.pop("AIGC")) == FIELDS
    assert named == {name: value for name, value in properties.items() if name != "AIGC"}
    assert book.active is not None and book.active["A1"].value == "标题"
    with zipfile.ZipFile(io.BytesIO(before)) as old, zipfile.ZipFile(io.BytesIO(after)) as new:
        assert new.testzip() is None
        assert len(new.namelist()) == len(set(new.namelist()))
        for name in set(old.namelist()) - {"docProps/custom.xml", "[Content_Types].xml", "_rels/.rels"}:
            assert new.read(name) == old.read(name)


def test_an_office_file_labelled_twice_has_one_label() -> None:
    again = EMBEDDERS[".xlsx"](EMBEDDERS[".xlsx"](xlsx(), LABEL), make_label("别的", "别店"))
    (prop,) = load_workbook(io.BytesIO(again)).custom_doc_props.props
    assert json.loads(prop.value)["ContentProducer"] == "别店"


@pytest.mark.parametrize("ending", sorted(EMBEDDERS))
@pytest.mark.parametrize("data", [b"", b"text", png()[:20], zlib.compress(b"x")], ids=["empty", "text", "cut", "other"])
def test_a_file_that_is_not_what_its_ending_says_is_refused_and_left(tmp_path: Path, ending: str, data: bytes) -> None:
    path = tmp_path / f"file{ending}"
    path.write_bytes(data)
    with pytest.raises(InvalidFile, match="not a"):
        embed(path, LABEL)
    assert path.read_bytes() == data
    with pytest.raises(InvalidFile, match="cannot be labelled"):
        embed(tmp_path / f"missing{ending}", LABEL)


def test_a_zip_that_is_no_office_file_is_refused() -> None:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("a.txt", "a")
    with pytest.raises(ValueError, match="not an Office file"):
        EMBEDDERS[".docx"](target.getvalue(), LABEL)


def test_embedding_replaces_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.PNG"
    path.write_bytes(png())
    embed(path, LABEL)
    assert path.read_bytes() == EMBEDDERS[".png"](png(), LABEL)
    assert list(tmp_path.iterdir()) == [path]


def test_a_sidecar_says_which_file_it_is_of(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_bytes(b"title\n")
    write_sidecar(path, make_label(path.read_bytes(), "某店"))
    assert sidecar_of(path).name == "out.csv.aigc.json"
    record = json.loads(sidecar_of(path).read_text(encoding="utf-8"))
    assert record["file"] == "out.csv"
    assert record["sha256"] == hashlib.sha256(b"title\n").hexdigest()
    assert record["ai_label"] == "本内容由人工智能生成"
    assert record["AIGC"]["ContentProducer"] == "某店"
