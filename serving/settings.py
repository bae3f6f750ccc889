"""Settings of the service, read once from the environment (COPYGEN_*) and from flags, which win."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from copygen.errors import InvalidSetting


class Settings(BaseSettings):
    """Frozen; built by the command that runs, never on import."""

    model_config = SettingsConfigDict(env_prefix="COPYGEN_", frozen=True, extra="ignore")

    engine: str = "embedded"
    """'embedded', or the URL of an OpenAI-compatible server: http://localhost:8000/v1."""
    model: str = ""
    """Embedded: a folder under models/ or a path; empty is the bundled model. Server: the served model's name."""
    api_key: str = "EMPTY"
    """Sent to the engine's server."""
    model_cache: Path | None = None
    """Where embedded models are joined; default is the user's cache folder."""
    adapters: dict[str, str] = Field(default_factory=dict)
    """LoRA adapter of a channel or tone id, as the server names it: {"note": "note-lora"}. JSON in the environment."""
    extra_candidates: int = Field(default=1, ge=0, le=8)
    """Candidates sampled beyond the copies wanted."""
    provider: str = "copygen"
    """Name or code of who provides the service, for the AI-generated label."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"


def load_settings(**flags: object) -> Settings:
    """Environment, overridden by the flags that are not None.

    Raises:
        InvalidSetting: Names the setting, the value and what was expected.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InvalidSetting(f"{first['input']!r}: {first['msg']}", name=f"COPYGEN_{name.upper()}") from error
