"""What a brief may ask for (GET /v1/channels), what answers (GET /v1/model), and whether it is up."""

from typing import Literal

from fastapi import APIRouter, Request
from pydantic import ConfigDict

from copygen.channel import Channel, load_channels, load_tones
from copygen.errors import EngineUnavailable
from copygen.label import EXPLICIT
from copygen.prompt import phases

from serving.api.error_body import ErrorEnvelope
from serving.api.wire import Wire
from serving.api.writer import WriterDep

router = APIRouter()


class FieldOut(Wire):
    """Limits of one field of a channel's copy."""

    model_config = ConfigDict(from_attributes=True)

    label: str
    min: int
    max: int
    unit: Literal["chars", "width"]
    """chars: characters without white space; width: columns, a full-width character counts 2."""
    min_items: int | None
    """Set for points and tags; min and max then hold for each item."""
    max_items: int | None
    source: str
    """Where the limit comes from: a platform's rule, or 'own rule'."""


class ChannelOut(Wire):
    """A place where copy is shown."""

    id: str
    version: int
    name: str
    name_hant: str
    name_en: str
    min_products: int
    max_products: int
    max_emoji: int
    fields: dict[str, FieldOut]

    @classmethod
    def of(cls, channel: Channel) -> "ChannelOut":
        fields = {name: FieldOut.model_validate(spec) for name, spec in channel.fields.items()}
        return cls(**channel.model_dump(exclude={"fields", "instruction"}), fields=fields)


class ToneOut(Wire):
    """A way of speaking; a brief names it by id or by name."""

    model_config = ConfigDict(from_attributes=True)

    id: str
    version: int
    name: str
    name_hant: str
    name_en: str


class Catalog(Wire):
    """Everything a brief may name."""

    channels: list[ChannelOut]
    tones: list[ToneOut]
    phases: list[str]


class ModelOut(Wire):
    """What results are stamped with."""

    name: str
    engine: Literal["embedded", "server"]
    """embedded: in this process; server: an OpenAI-compatible server."""
    adapters: list[str]
    """Channels and tones that have a LoRA adapter of their own."""
    ai_labels: dict[str, str]
    """The explicit label in each script."""
    provider: str
    """Who provides the service, as stated in the implicit label."""


class Health(Wire):
    """All is well."""

    status: Literal["ok"] = "ok"


@router.get("/v1/channels", tags=["catalog"], summary="Channels with their limits, tones and phases")
async def list_channels() -> Catalog:
    return Catalog(
        channels=[ChannelOut.of(channel) for channel in load_channels().values()],
        tones=[ToneOut(**tone.model_dump(exclude={"instruction"})) for tone in load_tones().values()],
        phases=list(phases()),
    )


@router.get("/v1/model", tags=["catalog"], summary="The model that writes")
async def show_model(writer: WriterDep) -> ModelOut:
    settings = writer.settings
    return ModelOut(
        name=writer.model.name,
        engine="embedded" if settings.engine == "embedded" else "server",
        adapters=sorted(settings.adapters),
        ai_labels=dict(EXPLICIT),
        provider=settings.provider,
    )


@router.get("/healthz", tags=["health"], summary="The process answers")
async def healthz() -> Health:
    return Health()


@router.get(
    "/readyz",
    tags=["health"],
    summary="The engine is warm and takes requests",
    responses={503: {"model": ErrorEnvelope, "description": "Starting or stopping."}},
)
async def readyz(request: Request) -> Health:
    if not request.app.state.warmed:
        raise EngineUnavailable("the engine is not warm yet; try again in a few seconds")
    return Health()
