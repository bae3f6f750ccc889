"""The AI-generated label for every exit: words people read, and metadata machines read. Keeps no record.

Source: 人工智能生成合成内容标识办法 (国信办通字〔2025〕2号), articles 4, 5 and 9, in force since 2025-09-01; names of
the implicit fields from GB 45438-2025, annex E. Checked 2026-11-24.
"""

import hashlib
import json
import re
import unicodedata
from dataclasses import dataclass
from mmap import mmap

from copygen.brief import Lang

EXPLICIT: dict[Lang, str] = {"zh-Hans": "本内容由人工智能生成", "zh-Hant": "本內容由人工智慧（AI）生成"}
"""Article 4: words such as 人工智能 or AI with 生成 or 合成."""

_LAYOUT = re.compile(r"[\s#]+")


@dataclass(frozen=True, slots=True)
class Label:
    """Both labels of one piece of content."""

    text: str
    """Words to show with the content; empty where showing them was handed over to the user (article 9)."""
    producer: str
    produce_id: str
    """Number of this content with its producer: equal content of one producer has an equal number."""
    sha256: str
    """`content_hash` of what is labelled."""

    def metadata(self) -> dict[str, dict[str, str]]:
        """The AIGC object of GB 45438.

        The first reserved field is the producer's, for what protects the content's integrity: the hash. Propagator,
        its number and the second one are for whoever publishes the content.
        """
        return {
            "AIGC": {
                "Label": "1",  # 1: is generated; 2: may be; 3: is suspected to be
                "ContentProducer": self.producer,
                "ProduceID": self.produce_id,
                "ReservedCode1": self.sha256,
                "ContentPropagator": "",
                "PropagateID": "",
                "ReservedCode2": "",
            }
        }

    def metadata_json(self) -> str:
        """The whole object on one line, {"AIGC": {...}}."""
        return json.dumps(self.metadata(), ensure_ascii=False, separators=(",", ":"))

    def fields_json(self) -> str:
        """Its seven fields on one line, for containers that have a key named AIGC."""
        return json.dumps(self.metadata()["AIGC"], ensure_ascii=False, separators=(",", ":"))

    def under(self, text: str) -> str:
        """A text with the explicit label at its end, where article 4 lets it stand."""
        return f"{text}\n\n{self.text}" if self.text else text


NOT_OURS = Label("", "", "", "")
"""Of text that a person wrote: it gets no label from us."""


def content_hash(content: str | bytes | mmap) -> str:
    """SHA-256 in hex: of a file's bytes as they are, of a text without what no reader would call a change.

    White space, the # of tags, and an explicit label at either end do not count, so that one copy has one hash in
    JSON, in a table, and pasted from the page with its label.
    """
    if isinstance(content, str):
        text = _LAYOUT.sub("", unicodedata.normalize("NFC", content))
        for words in EXPLICIT.values():
            text = text.removeprefix(words).removesuffix(words)
        content = text.encode("utf-8", "surrogatepass")
    return hashlib.sha256(content).hexdigest()


def make_label(content: str | bytes | mmap, producer: str, lang: Lang = "zh-Hans", *, shown: bool = True) -> Label:
    """Label a text or a file: the one place labels come from.

    Args:
        content: The text as it leaves, or the bytes of a file.
        producer: Name or code of the service provider.
        shown: False when an agreement hands the explicit label over to the user; the implicit one stays.
    """
    sha256 = content_hash(content)
    produce_id = hashlib.sha256(f"{producer}\n{sha256}".encode()).hexdigest()[:32]
    return Label(EXPLICIT[lang] if shown else "", producer, produce_id, sha256)
