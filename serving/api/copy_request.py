"""What a caller sends to have copy written or checked: the record schema as wire models; `read_brief` cleans it.

Types are wide where the core says more clearly than a type could what is wrong with a value.
"""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import ConfigDict, Field, JsonValue

from copygen.brief import MAX_CANDIDATES

from serving.api.wire import Wire

_NOT_BRIEF = {"seed", "temperature", "block", "allow", "stream", "copy_", "used", "status"}
_REQUEST_EXAMPLE: dict[str, JsonValue] = {
    "id": "ex-earbuds",
    "channel": "discover",
    "tone": "质感",
    "audience": "每天地铁通勤的上班族",
    "phase": "种草",
    "products": [
        {
            "name": "听屿 N3 真无线降噪耳机",
            "brand": "听屿",
            "category": "真无线耳机",
            "attributes": {"降噪深度": "46dB", "续航": "单次8小时，含充电盒共36小时", "单耳重量": "4.2g"},
            "price": "369元",
        }
    ],
    "facts": [["主动降噪", "适合场景", "地铁通勤"]],
    "n": 2,
}


class ProductIn(Wire):
    """One product with the attributes the merchant vouches for."""

    name: str
    """As shoppers should read it."""
    brand: str | None = None
    category: str | None = None
    attributes: dict[str, JsonValue] | list[JsonValue] | None = Field(
        None, examples=[{"续航": "40小时", "颜色": ["雾霾蓝", "月岩灰"]}]
    )
    """An object of names and values, or a list of [name, value] pairs. Values are texts, numbers or lists of them."""
    price: str | int | float | None = Field(None, examples=["369元"])
    id: str | None = None
    sku: str | None = None


class BriefIn(Wire):
    """The part of a record that says what is sold."""

    products: list[ProductIn]
    """One product; 2 to 4 for channel bundle."""
    facts: list[JsonValue] = Field([], examples=[[["主动降噪", "适合场景", "地铁通勤"]]])
    """What may be told of the products' attributes: [subject, relation, object] each."""


class CopyRequest(BriefIn):
    """A record of the JSON/JSONL schema, with options. Corpus records can be sent as they are."""

    model_config = ConfigDict(json_schema_extra={"examples": [_REQUEST_EXAMPLE]})

    channel: str
    """Where the copy is shown: an id or a name from GET /v1/channels."""
    tone: str | None = None
    """A tone from GET /v1/channels; 简约 when not given."""
    audience: str | None = None
    """For whom, in free words."""
    phase: str | None = None
    """A campaign phase from GET /v1/channels; 日常 when not given."""
    lang: Literal["zh-Hans", "zh-Hant"] = "zh-Hans"
    """Script of the copy."""
    keywords: list[str] | str | None = None
    """Each must appear in the copy: a list, or one text with commas."""
    avoid: list[str] | str | None = None
    """None of these may appear in the copy."""
    industry: str | None = None
    id: str | None = None
    """Comes back in the response."""
    n: int = Field(1, ge=1, le=MAX_CANDIDATES)
    """Copies wanted; fewer come back when fewer passed the checks."""
    seed: int | None = None
    """Repeats a result for a request run alone on the same engine; batching with others may change it."""
    temperature: float | None = Field(None, ge=0, le=2)
    """0 is the most likely copy; the service's own default when not given."""
    block: tuple[str, ...] = ()
    """Words never to be shown, on top of the rules."""
    allow: tuple[str, ...] = ()
    """Words the rules must not flag: the merchant answers for them."""
    stream: bool = False
    """Send server-sent events, as `Accept: text/event-stream` does."""
    copy_: Any = Field(None, alias="copy")
    """Ignored."""
    used: Any = None
    """Ignored."""
    status: Any = None
    """Ignored."""

    def record(self) -> Mapping[str, object]:
        """The brief's part, as `read_brief` takes it."""
        return self.model_dump(exclude=_NOT_BRIEF, exclude_none=True)
