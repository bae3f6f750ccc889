"""A model folder as it is kept: files cut into parts below what code hosts take, and a manifest written last."""

import hashlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from copygen.errors import InvalidFile

PART_BYTES = 90_000_000
"""Below the 95 MB that code hosts accept for one file."""


def write_model(files: Sequence[Path], out: Path, manifest: dict[str, Any]) -> None:
    """Cut files into parts under `out` and write manifest.json last; what was there goes."""
    out.mkdir(parents=True, exist_ok=True)
    (out / "manifest.json").unlink(missing_ok=True)
    for stale in out.glob("*.part*"):
        stale.unlink()
    _write_manifest(out, {**manifest, "files": [_store(path, out) for path in files]})


def add_adapter(adapter: Path, model: Path, name: str) -> None:
    """Put an adapter file beside a model's own files, under a name, in the place of an older one of that name."""
    manifest = read_manifest(model)
    entry = _store(adapter, model)
    files = [file for file in manifest["files"] if file["name"] != adapter.name]
    adapters = {**manifest.get("adapters", {}), name: adapter.name}
    _write_manifest(model, {**manifest, "files": [*files, entry], "adapters": adapters})


def restore(model: Path, out: Path) -> None:
    """Join a model's parts into whole files under `out`.

    Raises:
        InvalidFile: A part is missing or damaged.
    """
    for file in read_manifest(model)["files"]:
        digest = hashlib.sha256()
        with (out / file["name"]).open("wb") as whole:
            for part in file["parts"]:
                try:
                    block = (model / part["file"]).read_bytes()
                except OSError as error:
                    raise InvalidFile(f"cannot be read: {error.strerror}", path=str(model / part["file"])) from error
                digest.update(block)
                whole.write(block)
        if digest.hexdigest() != file["sha256"]:
            raise InvalidFile("damaged: its SHA-256 differs from the manifest", path=str(model / file["name"]))


def read_manifest(model: Path) -> dict[str, Any]:
    """manifest.json of a model folder.

    Raises:
        InvalidFile: There is none, or it is no manifest.
    """
    path = model / "manifest.json"
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidFile(
            "missing or not JSON; expected a model folder as `export` writes it", path=str(path)
        ) from error
    if not isinstance(manifest, dict) or "files" not in manifest:
        raise InvalidFile("not a model manifest", path=str(path))
    return manifest


def _write_manifest(out: Path, manifest: dict[str, Any]) -> None:
    text = json.dumps(manifest, ensure_ascii=False, indent=1)
    part = out / "manifest.json.new"
    part.write_text(text + "\n", encoding="utf-8")
    part.replace(out / "manifest.json")


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as source:
        while block := source.read(PART_BYTES):
            yield block


def _store(path: Path, out: Path) -> dict[str, object]:
    """Cut one file into parts under `out`, none of an older one left; its entry in the manifest."""
    for stale in out.glob(f"{path.name}.part*"):
        stale.unlink()
    whole, size = hashlib.sha256(), 0
    parts: list[dict[str, object]] = []
    for i, block in enumerate(_blocks(path)):
        part = out / f"{path.name}.part{i}"
        part.write_bytes(block)
        whole.update(block)
        size += len(block)
        parts.append({"file": part.name, "bytes": len(block), "sha256": hashlib.sha256(block).hexdigest()})
    return {"name": path.name, "bytes": size, "sha256": whole.hexdigest(), "parts": parts}
