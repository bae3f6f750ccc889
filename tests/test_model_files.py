import hashlib
import json
import multiprocessing
import time
from pathlib import Path

import pytest

from copygen.errors import ModelFilesError

from serving.engines import model_files
from serving.engines.model_files import join, read_manifest, verify

WEIGHTS = bytes(range(256)) * 40
TOKENIZER = '{"model": "小"}'.encode()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A model of two files; the weights come in three parts."""
    folder = tmp_path / "models" / "tiny"
    folder.mkdir(parents=True)
    files = []
    for name, data, size in (("weights.bin", WEIGHTS, 4096), ("tokenizer.json", TOKENIZER, 4096)):
        parts = []
        for i, start in enumerate(range(0, len(data), size)):
            part = data[start : start + size]
            (folder / f"{name}.{i:02}").write_bytes(part)
            parts.append({"file": f"{name}.{i:02}", "bytes": len(part), "sha256": _sha256(part)})
        files.append({"name": name, "bytes": len(data), "sha256": _sha256(data), "parts": parts})
    manifest = {
        "name": "tiny",
        "version": "1",
        "base_model": "none",
        "license": "Apache-2.0",
        "prompt_template": "copy.v1",
        "exemplars": 0,
        "weights": "bytes",
        "max_prompt_tokens": 100,
        "stop_tokens": ["<|im_end|>"],
        "files": files,
    }
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def _assert_whole(target: Path) -> None:
    assert (target / "weights.bin").read_bytes() == WEIGHTS
    assert (target / "tokenizer.json").read_bytes() == TOKENIZER


def _only_whole_models(cache: Path) -> list[str]:
    return sorted(path.name for path in cache.iterdir() if path.is_dir())


def test_parts_are_joined_in_order_into_one_folder(folder: Path, tmp_path: Path) -> None:
    target, manifest = join(folder, tmp_path / "cache")
    _assert_whole(target)
    assert target == tmp_path / "cache" / f"tiny-{manifest.digest}"
    assert manifest.bytes == len(WEIGHTS) + len(TOKENIZER)
    assert _only_whole_models(tmp_path / "cache") == [target.name]


def test_second_use_does_not_join_again(folder: Path, tmp_path: Path) -> None:
    target, _ = join(folder, tmp_path / "cache")
    before = (target / "weights.bin").stat()
    (folder / "weights.bin.00").unlink()  # joining again would need it
    again, _ = join(folder, tmp_path / "cache")
    assert again == target
    assert (target / "weights.bin").stat().st_mtime_ns == before.st_mtime_ns


def test_verify_passes_a_whole_model(folder: Path) -> None:
    assert verify(folder).name == "tiny"


def _damage(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[7] ^= 1
    path.write_bytes(bytes(data))


@pytest.mark.parametrize(
    ("harm", "line"),
    [
        pytest.param(_damage, "damaged: its SHA-256 differs from the manifest", id="one bit"),
        pytest.param(
            lambda p: p.write_bytes(p.read_bytes()[:-1]), "damaged: 4095 bytes, expected 4096", id="truncated"
        ),
        pytest.param(lambda p: p.write_bytes(b""), "damaged: 0 bytes, expected 4096", id="empty"),
        pytest.param(lambda p: p.unlink(), "missing; check out the repository again", id="missing"),
    ],
)
def test_a_bad_part_is_one_clear_line_and_leaves_nothing(folder: Path, tmp_path: Path, harm: object, line: str) -> None:
    part = folder / "weights.bin.01"
    harm(part)  # type: ignore[operator]
    for check in (lambda: verify(folder), lambda: join(folder, tmp_path / "cache")):
        with pytest.raises(ModelFilesError) as caught:
            check()
        assert caught.value.message.startswith(f"{part}: {line}")
        assert "\n" not in caught.value.message
        assert caught.value.path == str(part)
    assert _only_whole_models(tmp_path / "cache") == []


def test_mended_part_joins(folder: Path, tmp_path: Path) -> None:
    part = folder / "weights.bin.01"
    whole = part.read_bytes()
    part.write_bytes(whole[:10])
    with pytest.raises(ModelFilesError):
        join(folder, tmp_path / "cache")
    part.write_bytes(whole)
    _assert_whole(join(folder, tmp_path / "cache")[0])


def test_joined_copy_that_is_damaged_later_is_joined_again(folder: Path, tmp_path: Path) -> None:
    target, _ = join(folder, tmp_path / "cache")
    (target / "weights.bin").write_bytes(WEIGHTS[:100])
    _assert_whole(join(folder, tmp_path / "cache")[0])
    (target / "tokenizer.json").unlink()
    _assert_whole(join(folder, tmp_path / "cache")[0])


def test_a_new_version_gets_its_own_folder(folder: Path, tmp_path: Path) -> None:
    first, _ = join(folder, tmp_path / "cache")
    data = TOKENIZER + b" "
    (folder / "tokenizer.json.00").write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    part = {"file": "tokenizer.json.00", "bytes": len(data), "sha256": _sha256(data)}
    manifest["files"][1] = {"name": "tokenizer.json", "bytes": len(data), "sha256": _sha256(data), "parts": [part]}
    (folder / "manifest.json").write_text(json.dumps(manifest), encoding="utf-8")
    second, _ = join(folder, tmp_path / "cache")
    assert second != first
    assert (second / "tokenizer.json").read_bytes() == data
    _assert_whole(first)


def _join_in_process(folder: Path, cache: Path, start: object, results: object) -> None:
    """Join with a slow disk; report the weights' digest and how many files this process wrote."""
    written = []
    model_files.os.fsync = lambda _: (written.append(1), time.sleep(0.2))  # type: ignore[attr-defined]
    start.wait()  # type: ignore[attr-defined]
    target, _ = join(folder, cache)
    digest = hashlib.sha256((target / "weights.bin").read_bytes()).hexdigest()
    results.put((digest, len(written)))  # type: ignore[attr-defined]


def test_two_processes_at_once(folder: Path, tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    start, results = context.Barrier(2), context.Queue()
    workers = [
        context.Process(target=_join_in_process, args=(folder, tmp_path / "cache", start, results)) for _ in range(2)
    ]
    for worker in workers:
        worker.start()
    outcomes = [results.get(timeout=60) for _ in workers]
    for worker in workers:
        worker.join(timeout=60)
    assert [digest for digest, _ in outcomes] == [_sha256(WEIGHTS)] * 2
    assert sorted(written for _, written in outcomes) == [0, 2]  # one worked, the other waited
    assert [worker.exitcode for worker in workers] == [0, 0]
    assert len(_only_whole_models(tmp_path / "cache")) == 1
    results.close()
    results.join_thread()


def test_manifest_that_is_missing_or_none(folder: Path, tmp_path: Path) -> None:
    path = folder / "manifest.json"
    for text in ("{", "[]", '{"name": "tiny"}'):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ModelFilesError, match="not a model manifest") as caught:
            read_manifest(folder)
        assert caught.value.path == str(path)
    path.unlink()
    with pytest.raises(ModelFilesError, match="missing; the model is not complete"):
        join(folder, tmp_path / "cache")


def test_cache_that_cannot_be_written(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "cache").write_text("a file where the folder should be", encoding="utf-8")
    with pytest.raises(ModelFilesError, match="cannot write the model cache"):
        join(folder, tmp_path / "cache")
