"""The implicit label inside files: where each format keeps it, and a sidecar for formats that have no place.

Places are those of the practice guides to GB 45438-2025, by TC260: TC260-PG-20258A for documents (property AIGC of
Office files, /AIGC of a PDF's information dictionary), TC260-PG-20259A for images (XMP of namespace TC260, in PNG as
iTXt). Read second-hand on 2026-11-25. Plain tables have no metadata: a file beside them holds it.
"""

import io
import json
import re
import shutil
import struct
import zipfile
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO
from xml.sax.saxutils import escape

from copygen.errors import InvalidFile
from copygen.label import Label

_PNG_HEAD = b"\x89PNG\r\n\x1a\n"
_IHDR_BYTES = 25
"""Length, type, 13 bytes of data and checksum of the chunk that comes first."""
_XMP = (
    '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">'
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
    'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/"><TC260:AIGC>{fields}</TC260:AIGC></rdf:Description></rdf:RDF>'
    '</x:xmpmeta><?xpacket end="w"?>'
)
_CUSTOM = "docProps/custom.xml"
_LINKING = ("[Content_Types].xml", "_rels/.rels")
"""Parts of an Office file that say which other parts there are."""
_PROPERTIES = (
    '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>\n'
    '<Properties xmlns="http://schemas.openxmlformats.org/officeDocument/2006/custom-properties" '
    'xmlns:vt="http://schemas.openxmlformats.org/officeDocument/2006/docPropsVTypes"></Properties>'
)
_PROPERTY = (
    '<property fmtid="{{D5CDD505-2E9C-101B-9397-08002B2CF9AE}}" pid="{pid}" name="AIGC">'
    "<vt:lpwstr>{fields}</vt:lpwstr></property>"
)
_TYPE = (
    '<Override PartName="/docProps/custom.xml" '
    'ContentType="application/vnd.openxmlformats-officedocument.custom-properties+xml"/>'
)
_RELATION = (
    '<Relationship Id="rIdAIGC" Target="docProps/custom.xml" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/custom-properties"/>'
)


def label_png(data: bytes, label: Label) -> bytes:
    """Add the label as XMP, right after the header.

    Raises:
        ValueError: Not a PNG.
    """
    at = len(_PNG_HEAD) + _IHDR_BYTES
    if not data.startswith(_PNG_HEAD) or data[12:16] != b"IHDR" or len(data) < at:
        raise ValueError("not a PNG image")
    xmp = _XMP.format(fields=escape(label.fields_json())).encode()
    # keyword, end of it, not compressed, no compression method, no language, no translated keyword
    body = b"iTXt" + b"XML:com.adobe.xmp\0" + b"\0\0\0\0" + xmp
    chunk = struct.pack(">I", len(body) - 4) + body + struct.pack(">I", zlib.crc32(body))
    return data[:at] + chunk + data[at:]


def label_pdf(data: bytes, label: Label) -> bytes:
    """Set /AIGC in the information dictionary.

    Raises:
        ValueError: Not a PDF, or one that cannot be written again.
    """
    # Slow to import, and every command would wait for it; nothing but a PDF needs it.
    from pypdf import PdfReader, PdfWriter
    from pypdf.errors import PyPdfError

    if not data.startswith(b"%PDF-"):
        raise ValueError("not a PDF")
    try:
        writer = PdfWriter(clone_from=PdfReader(io.BytesIO(data), strict=True))
        writer.add_metadata({"/AIGC": label.fields_json()})
        target = io.BytesIO()
        writer.write(target)
    except PyPdfError as error:
        raise ValueError(f"not a PDF that can be labelled: {error}") from error
    return target.getvalue()


def label_office(data: bytes, label: Label) -> bytes:
    """Set the custom property AIGC of an XLSX, DOCX or PPTX; every other part stays as it is.

    Raises:
        ValueError: Not an Office file.
    """
    target = io.BytesIO()
    _copy_labelled(io.BytesIO(data), target, label)
    return target.getvalue()


def embed_office(path: Path, label: Label) -> None:
    """`label_office` for a file that may be larger than memory, whatever its ending; whole or not at all.

    Raises:
        ValueError: Not an Office file.
        OSError: It cannot be read or written.
    """
    part = path.with_name(path.name + ".labelled")
    with path.open("rb") as source, part.open("wb") as target:
        _copy_labelled(source, target, label)
    part.replace(path)


def _copy_labelled(from_file: BinaryIO, to_file: BinaryIO, label: Label) -> None:
    try:
        with zipfile.ZipFile(from_file) as source, zipfile.ZipFile(to_file, "w", zipfile.ZIP_DEFLATED) as out:
            names = source.namelist()
            for info in source.infolist():
                if info.filename in _LINKING:
                    out.writestr(info, _linked(info.filename, source.read(info), linked=_CUSTOM in names))
                elif info.filename != _CUSTOM:
                    with source.open(info) as old, out.open(info, "w") as new:
                        shutil.copyfileobj(old, new)
            properties = source.read(_CUSTOM).decode() if _CUSTOM in names else _PROPERTIES
            out.writestr(_CUSTOM, _with_property(properties, label))
            if not set(_LINKING) <= set(names):
                raise ValueError("not an Office file")
    except zipfile.BadZipFile as error:
        raise ValueError(f"not an Office file: {error}") from error


def _linked(name: str, part: bytes, *, linked: bool) -> bytes:
    """The part, with the custom properties declared in it where it is their turn and they are new."""
    if linked:
        return part
    end, entry = ("</Types>", _TYPE) if name == "[Content_Types].xml" else ("</Relationships>", _RELATION)
    return part.decode().replace(end, entry + end).encode()


def _with_property(properties: str, label: Label) -> str:
    rest = re.sub(r'<property\b[^>]*\bname="AIGC".*?</property>', "", properties, flags=re.DOTALL)
    pid = max([1, *map(int, re.findall(r'\bpid="(\d+)"', rest))]) + 1  # 0 and 1 are reserved
    entry = _PROPERTY.format(pid=pid, fields=escape(label.fields_json()))
    if "</Properties>" not in rest:  # <Properties .../>: none left
        rest = _PROPERTIES
    return rest.replace("</Properties>", entry + "</Properties>")


EMBEDDERS: Mapping[str, Callable[[bytes, Label], bytes]] = {
    ".png": label_png,
    ".pdf": label_pdf,
    ".xlsx": label_office,
    ".docx": label_office,
    ".pptx": label_office,
}
"""Formats that hold their label themselves, by ending."""


def sidecar_of(path: Path) -> Path:
    """Where the label of a file without metadata stands: out.csv -> out.csv.aigc.json."""
    return path.with_name(f"{path.name}.aigc.json")


def embed(path: Path, label: Label) -> None:
    """Put the label into a file of a format that can hold it, whole or not at all.

    Raises:
        InvalidFile: Not a file of its format, or it cannot be read or written.
    """
    part = path.with_name(path.name + ".part")
    try:
        part.write_bytes(EMBEDDERS[path.suffix.lower()](path.read_bytes(), label))
        part.replace(path)
    except ValueError as error:
        raise InvalidFile(str(error), path=str(path)) from error
    except OSError as error:
        raise InvalidFile(f"cannot be labelled: {error.strerror or error}", path=str(path)) from error


def write_sidecar(path: Path, label: Label) -> None:
    """Write the label of a file beside it; `sha256` is of the file's bytes."""
    record = {"file": path.name, "sha256": label.sha256, "ai_label": label.text, **label.metadata()}
    target = sidecar_of(path)
    part = target.with_name(target.name + ".part")
    part.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    part.replace(target)
