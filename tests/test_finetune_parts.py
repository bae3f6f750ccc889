"""A model folder: cut into parts, joined again, an adapter put beside; nothing half-written, damage told."""

import json
from pathlib import Path

import pytest

from copygen.errors import InvalidFile

from finetune import parts
from serving.engines.model_files import read_manifest, verify

MANIFEST = {
    "name": "tiny",
    "version": "1",
    "base_model": "none",
    "license": "Apache-2.0",
    "prompt_template": "copy.v1",
    "exemplars": 0,
    "weights": "none",
    "max_prompt_tokens": 8,
    "stop_tokens": ["x"],
}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(parts, "PART_BYTES", 10)
    (tmp_path / "weights.bin").write_bytes(bytes(range(25)))
    (tmp_path / "empty.json").write_bytes(b"{}")
    parts.write_model([tmp_path / "weights.bin", tmp_path / "empty.json"], tmp_path / "model", MANIFEST)
    return tmp_path / "model"


def test_parts_are_small_and_join_to_the_same_bytes(model: Path, tmp_path: Path) -> None:
    assert sorted(path.stat().st_size for path in model.glob("weights.bin.part*")) == [5, 10, 10]
    out = tmp_path / "joined"
    out.mkdir()
    parts.restore(model, out)
    assert (out / "weights.bin").read_bytes() == bytes(range(25))
    assert verify(model).adapters == {}  # the engine reads what was written here


def test_an_adapter_is_one_more_file_and_a_second_takes_its_place(model: Path, tmp_path: Path) -> None:
    before = read_manifest(model)
    for content in (b"one adapter", b"another"):
        (tmp_path / "verify.safetensors").write_bytes(content)
        parts.add_adapter(tmp_path / "verify.safetensors", model, "verify")
        manifest = verify(model)
        assert manifest.adapters == {"verify": "verify.safetensors"}
        assert [file.bytes for file in manifest.files if file.name == "verify.safetensors"] == [len(content)]
    assert manifest.digest != before.digest
    # The second is shorter: no part of the first is left behind.
    assert [path.name for path in sorted(model.glob("verify.*"))] == ["verify.safetensors.part0"]


def test_damage_is_told_by_the_file_it_is_in(model: Path, tmp_path: Path) -> None:
    (model / "weights.bin.part1").write_bytes(b"0123456789")
    with pytest.raises(InvalidFile, match="damaged") as caught:
        parts.restore(model, tmp_path)
    assert caught.value.path == str(model / "weights.bin")


@pytest.mark.parametrize("content", [None, "not JSON", json.dumps({"name": "tiny"})])
def test_a_folder_without_a_manifest_is_no_model(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "manifest.json").write_text(content)
    with pytest.raises(InvalidFile, match="manifest"):
        parts.read_manifest(tmp_path)
