"""The rules of the house, read off the syntax trees: who may import whom, and how long a module may be."""

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
ROOMS = ("copygen", "serving", "finetune", "eval", "benchmarks")
MAX_LINES = 300
TRAINING = {"torch", "transformers", "peft", "safetensors", "trl", "datasets", "optimum", "nncf"}

# Third-party packages by the name they are imported under; benchmarks may import anything but vllm.
THIRD_PARTY = {
    "copygen": {"pydantic", "jieba", "pyoxigraph", "ahocorasick", "opencc"},
    "serving": {
        *("pydantic", "pydantic_settings", "typer", "rich", "platformdirs", "filelock"),
        *("fastapi", "starlette", "uvicorn", "jinja2", "markupsafe", "multipart", "sse_starlette"),
        *("httpx", "httpx2", "openai", "tenacity", "charset_normalizer"),
        *("dbos", "standardwebhooks"),
        *("sqlalchemy", "pypdf", "openpyxl", "xlsxwriter"),
        *("openvino", "openvino_genai", "tokenizers", "numpy"),
    },
    "finetune": {*TRAINING, "pydantic", "typer", "rich", "tokenizers", "openvino", "sentencepiece"},
    "eval": {"numpy", "scipy", "jieba", "typer", "rich", "pydantic"},
}
# What of the other rooms: a module, or a package with all below it.
NEIGHBOURS = {
    "copygen": (),
    "serving": ("copygen",),
    "finetune": ("copygen",),
    "eval": ("copygen", "serving.engines", "benchmarks.report"),
    "benchmarks": ("copygen", "serving", "finetune", "eval"),
}
# The remote graph is the one place of the core that speaks HTTP.
HTTP_IN_THE_CORE = {"copygen/sparql_endpoint.py"}


def _files(room: str) -> list[Path]:
    return sorted((ROOT / room).rglob("*.py"))


FILES = [path for room in ROOMS for path in _files(room)]


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _imports(path: Path) -> Iterator[str]:
    """Dotted names a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{_name(path)} line {node.lineno}: write imports in full"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.Call) and ast.unparse(node.func) in ("importlib.import_module", "__import__"):
            (name,) = node.args
            yield ast.literal_eval(name)


def _foreign(path: Path) -> list[str]:
    """The imports of a file its room does not allow."""
    room = path.relative_to(ROOT).parts[0]
    allowed = THIRD_PARTY.get(room, set()) | ({"httpx"} if _name(path) in HTTP_IN_THE_CORE else set())
    found = []
    for name in _imports(path):
        top = name.split(".")[0]
        if top in ROOMS:
            if top != room and not any(f"{name}.".startswith(f"{other}.") for other in NEIGHBOURS[room]):
                found.append(name)
        elif top not in sys.stdlib_module_names and top not in allowed and room in THIRD_PARTY:
            found.append(name)
    return found


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_imports_go_one_way(path: Path) -> None:
    assert _foreign(path) == []


def test_the_walk_sees_what_it_should(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    path.write_text(
        "import a.b\nfrom c.d import e\ndef f():\n    import g\nif 1:\n    from h import i\n"
        "import importlib\nimportlib.import_module('j.k')\n",
        encoding="utf-8",
    )
    assert sorted(_imports(path)) == ["a.b", "c.d.e", "g", "h.i", "importlib", "j.k"]
    assert len(FILES) > 40


def test_training_libraries_stay_in_finetune_and_vllm_is_another_process() -> None:
    for path in FILES:
        tops = {name.split(".")[0] for name in _imports(path)}
        assert "vllm" not in tops, _name(path)
        if path.is_relative_to(ROOT / "finetune") or path.is_relative_to(ROOT / "benchmarks"):
            continue
        assert not tops & TRAINING, _name(path)


def test_training_libraries_are_not_needed_to_read_finetune_data() -> None:
    for name in ("data", "recipe", "prune", "cli"):
        tree = ast.parse((ROOT / "finetune" / f"{name}.py").read_text(encoding="utf-8"))
        at_top = {
            (node.module or "").split(".")[0] if isinstance(node, ast.ImportFrom) else node.names[0].name.split(".")[0]
            for node in tree.body
            if isinstance(node, ast.Import | ast.ImportFrom)
        }
        assert not at_top & TRAINING, name


def test_the_core_reads_no_environment() -> None:
    for path in _files("copygen"):
        text = path.read_text(encoding="utf-8")
        assert "os.environ" not in text and "getenv" not in text, _name(path)


def test_prompts_are_data_alone() -> None:
    assert list((ROOT / "prompts").rglob("*.py")) == []


@pytest.mark.parametrize("path", [*FILES, *_files("tests")], ids=_name)
def test_long_modules_give_their_reason(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    if len(text.splitlines()) > MAX_LINES:
        assert "Reason for its length" in (ast.get_docstring(ast.parse(text)) or ""), f"over {MAX_LINES} lines"


@pytest.mark.parametrize("path", [path for path in FILES if path.name != "__init__.py"], ids=_name)
def test_every_module_says_what_it_is_for(path: Path) -> None:
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))
