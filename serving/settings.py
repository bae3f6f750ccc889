"""Settings of the service, read once from the environment (COPYGEN_*) and from flags, which win."""

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict, SettingsError

from copygen.channel import load_channels, load_tones
from copygen.errors import InvalidSetting

from serving.labels.agreement import MIN_RETENTION_DAYS


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
    deep: bool = False
    """Ask the model's verifier about every copy before it is returned: truer, and up to a second slower on a CPU."""
    verify_adapter: str = ""
    """LoRA adapter for the deep check, as the server names it; empty asks the server's model as it is."""
    exemplars: int = Field(default=2, ge=0, le=8)
    """Example dialogues a server's model is shown; 0 for a model tuned on our prompts."""
    extra_candidates: int = Field(default=1, ge=0, le=8)
    """Candidates sampled beyond the copies wanted."""
    provider: str = "copygen"
    """Name or code of who provides the service, for the AI-generated label."""
    data: Path | None = None
    """Folder of what must last: the log of issued labels; default is the user's data folder."""
    label_days: int = Field(default=366, ge=MIN_RETENTION_DAYS)
    """Days an issued label stays on record; the law asks for six months where the label was handed over."""
    unlabelled_agreement: Path | None = None
    """File (.toml, .json) of the agreement under which copy leaves without the explicit label; docs/labels.md."""
    database_url: str = ""
    """Where jobs are kept: postgresql://user:password@host/name, for several servers on one queue; default is SQLite in
    the data folder."""
    job_rows: int = Field(default=8, ge=1, le=1024)
    """Rows of jobs under way at once in one process, whatever the number of jobs."""
    worker_lease_s: float = Field(default=15.0, gt=0)
    """Seconds without a sign of life after which others take over a worker's rows."""
    webhook_secret: str = ""
    """Signs the calls to a job's callback_url: whsec_ and 24 to 64 bytes in base64. Without it there are no calls."""
    webhook_private: bool = False
    """Allow callback URLs on private and loopback addresses."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    @field_validator("adapters")
    @classmethod
    def _are_for_something(cls, adapters: dict[str, str]) -> dict[str, str]:
        if unknown := adapters.keys() - {*load_channels(), *load_tones()}:
            raise ValueError(f"no channel or tone {', '.join(sorted(unknown))}; see `copygen channels`")
        return adapters


def load_settings(**flags: object) -> Settings:
    """Environment, overridden by the flags that are not None.

    Raises:
        InvalidSetting: Names the setting, the value and what was expected.
    """
    try:
        return Settings(**{name: value for name, value in flags.items() if value is not None})  # type: ignore[arg-type]
    except SettingsError as error:  # only `adapters` is read as JSON
        raise InvalidSetting('not JSON; expected {"note": "note-lora"}', name="COPYGEN_ADAPTERS") from error
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        raise InvalidSetting(f"{first['input']!r}: {first['msg']}", name=f"COPYGEN_{name.upper()}") from error
