"""The embedded model's files: joined from shards into a cache folder, checked by SHA-256, atomically.

`models/NAME/manifest.json` lists every file of the model with its parts. Two processes may join at once: one works,
the other waits. A cache folder exists only when it is complete, so nothing half-written is ever loaded.
"""

import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from filelock import FileLock
from platformdirs import user_cache_path
from pydantic import BaseModel, ConfigDict, ValidationError

from copygen.errors import ModelFilesError

_BLOCK_BYTES = 1 << 20


class Part(BaseModel):
    """One file as stored in the repository."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    file: str
    bytes: int
    sha256: str


class ModelFile(BaseModel):
    """One file as the engine wants it: its parts in order."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    bytes: int
    sha256: str
    parts: tuple[Part, ...]


class Manifest(BaseModel):
    """What a model is; written last by the export, so its presence means the model is complete."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    version: str
    base_model: str
    license: str
    prompt_template: str
    """The prompt the model was trained on; another one is used at the user's own risk."""
    exemplars: int
    weights: str
    """How they are stored: int4_asym group 64, int8 embedding."""
    max_prompt_tokens: int
    stop_tokens: tuple[str, ...]
    files: tuple[ModelFile, ...]
    adapters: dict[str, str] = {}
    """LoRA adapters that come with the model: name -> file. `verify` answers the deep check's questions."""
    training: dict[str, Any] = {}

    @property
    def bytes(self) -> int:
        return sum(file.bytes for file in self.files)

    @property
    def digest(self) -> str:
        """Twelve hex digits that change with any file."""
        return hashlib.sha256("".join(file.sha256 for file in self.files).encode()).hexdigest()[:12]


def read_manifest(folder: Path) -> Manifest:
    """Read models/NAME/manifest.json.

    Raises:
        ModelFilesError: Missing or not a manifest.
    """
    path = folder / "manifest.json"
    try:
        return Manifest.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ModelFilesError(
            "missing; the model is not complete: check out the repository again", path=str(path)
        ) from error
    except (ValueError, ValidationError) as error:
        raise ModelFilesError(f"not a model manifest: {error}", path=str(path)) from error


def _sha256(path: Path, feed: Callable[[bytes], object] | None = None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as source:
        while block := source.read(_BLOCK_BYTES):
            digest.update(block)
            if feed is not None:
                feed(block)
    return digest.hexdigest()


def _check_part(path: Path, part: Part, feed: Callable[[bytes], object] | None = None) -> None:
    if not path.is_file():
        raise ModelFilesError("missing; check out the repository again", path=str(path))
    if (size := path.stat().st_size) != part.bytes:
        raise ModelFilesError(f"damaged: {size} bytes, expected {part.bytes}; check out the file again", path=str(path))
    if _sha256(path, feed) != part.sha256:
        raise ModelFilesError(
            "damaged: its SHA-256 differs from the manifest; check out the file again", path=str(path)
        )


def verify(folder: Path) -> Manifest:
    """Check every part against the manifest.

    Raises:
        ModelFilesError: Names the first missing or damaged file.
    """
    manifest = read_manifest(folder)
    for file in manifest.files:
        for part in file.parts:
            _check_part(folder / part.file, part)
    return manifest


def join(folder: Path, cache: Path | None = None) -> tuple[Path, Manifest]:
    """Return a folder with the whole files, joining and checking them on first use.

    Args:
        folder: models/NAME with manifest.json and the parts.
        cache: Where joined models live; default is the user's cache folder.

    Raises:
        ModelFilesError: A missing or damaged file, or a cache that cannot be written; nothing half-written stays.
    """
    manifest = read_manifest(folder)
    cache = cache or user_cache_path("copygen")
    target = cache / f"{manifest.name}-{manifest.digest}"
    try:
        cache.mkdir(parents=True, exist_ok=True)
        with FileLock(cache / f"{target.name}.lock"):
            if not _complete(target, manifest):
                _join(folder, manifest, target)
    except OSError as error:
        raise ModelFilesError(f"cannot write the model cache: {error.strerror or error}", path=str(cache)) from error
    return target, manifest


def _complete(target: Path, manifest: Manifest) -> bool:
    sizes = ((target / file.name, file.bytes) for file in manifest.files)
    return target.is_dir() and all(path.is_file() and path.stat().st_size == size for path, size in sizes)


def _join(folder: Path, manifest: Manifest, target: Path) -> None:
    work = Path(tempfile.mkdtemp(prefix=f"{target.name}.", dir=target.parent))
    try:
        for file in manifest.files:
            with (work / file.name).open("wb") as out:
                for part in file.parts:
                    _check_part(folder / part.file, part, out.write)
                out.flush()
                os.fsync(out.fileno())
        shutil.rmtree(target, ignore_errors=True)  # a folder whose sizes do not match: damaged after joining
        work.replace(target)
    finally:
        shutil.rmtree(work, ignore_errors=True)
