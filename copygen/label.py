"""The AI-generated label for every exit: words people read, and metadata machines read.

Source: 人工智能生成合成内容标识办法 (国信办通字〔2025〕2号), articles 4 and 5, in force since 2025-09-01; field names
of the implicit label from GB 45438-2025, annex E. Checked 2026-11-24.
"""

import hashlib
import json
from dataclasses import dataclass

from copygen.brief import Lang

EXPLICIT: dict[Lang, str] = {"zh-Hans": "本内容由人工智能生成", "zh-Hant": "本內容由人工智慧（AI）生成"}
"""Article 4: words such as 人工智能 or AI with 生成 or 合成."""


@dataclass(frozen=True, slots=True)
class Label:
    """Both labels of one piece of content."""

    text: str
    producer: str
    produce_id: str
    """Number of this content with its producer: equal content of one producer has an equal number."""

    def metadata(self) -> dict[str, dict[str, str]]:
        """The AIGC object of GB 45438; the codes and the propagator are for whoever comes after us."""
        return {
            "AIGC": {
                "Label": "1",
                "ContentProducer": self.producer,
                "ProduceID": self.produce_id,
                "ReservedCode1": "",
                "ContentPropagator": "",
                "PropagateID": "",
                "ReservedCode2": "",
            }
        }

    def metadata_json(self) -> str:
        return json.dumps(self.metadata(), ensure_ascii=False, separators=(",", ":"))


def make_label(content: str, producer: str, lang: Lang = "zh-Hans") -> Label:
    """Label a text.

    Args:
        content: The text as it leaves, without the label.
        producer: Name or code of the service provider.
    """
    produce_id = hashlib.sha256(f"{producer}\n{content}".encode()).hexdigest()[:32]
    return Label(EXPLICIT[lang], producer, produce_id)
