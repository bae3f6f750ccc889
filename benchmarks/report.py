"""How every benchmark ends: a table for people, one line for programs, a JSON file for the record.

Knows nothing of what is measured. A benchmark ends with `sys.exit(finish(name, rows, figures))`.
"""

import json
import os
import platform
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results"
PACKAGES = ("copygen", "openvino", "openvino-genai", "tokenizers", "pyoxigraph", "pyahocorasick", "jieba", "opencc")
"""Distributions whose versions go beside every number."""
Row = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured number and what it must be."""

    value: float
    bar: float | None = None
    """None: reported, not judged."""
    direction: Literal["lower", "higher"] = "higher"
    """Which way is better; the bar itself is met."""
    unit: str = ""

    @property
    def met(self) -> bool:
        if self.bar is None:
            return True
        return self.value <= self.bar if self.direction == "lower" else self.value >= self.bar


def stamp() -> dict[str, object]:
    """When, of which commit, on what machine and with which versions a result was measured."""
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": _commit(),
        "machine": _machine(),
        "versions": {"python": platform.python_version(), **{name: _version(name) for name in PACKAGES}},
    }


def _machine() -> dict[str, object]:
    info = Path("/proc/cpuinfo")
    lines = info.read_text(encoding="utf-8").splitlines() if info.exists() else []
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    memory_bytes = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    return {
        "cpu": models[0] if models else platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "memory_gib": round(memory_bytes / 2**30, 1),
    }


def _commit() -> str:
    """Short hash of the checkout, with + when tracked files differ from it; empty outside a repository."""
    head = _git("rev-parse", "--short", "HEAD")
    return f"{head}+" if head and _git("status", "--porcelain", "--untracked-files=no") else head


def _git(*arguments: str) -> str:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else ""


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def _shown(value: object) -> str:
    if isinstance(value, float) and abs(value) < 1000:
        return f"{value:.3g}"
    return f"{value:,.0f}" if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def finish(name: str, rows: Sequence[Row], figures: Mapping[str, Figure], *, save: bool = True) -> int:
    """Print the table, the bars and the last line, save results/<name>.json, and return the exit code.

    Args:
        rows: Table lines of one shape; the keys of the first are the columns.
        save: False for a trial run whose numbers must not replace the record.

    Returns:
        0 when every figure meets its bar, else 1.
    """
    console = Console()
    if rows:
        table = Table(title=name)
        for column, value in rows[0].items():
            table.add_column(column, justify="left" if isinstance(value, str) else "right", overflow="fold")
        for row in rows:
            table.add_row(*(_shown(value) for value in row.values()))
        console.print(table)
    for key, figure in figures.items():
        if figure.bar is not None:
            sign, verdict = "<=" if figure.direction == "lower" else ">=", "met" if figure.met else "MISSED"
            unit = f" {figure.unit}" if figure.unit else ""
            console.print(f"{key}: {_shown(figure.value)}{unit} (bar {sign} {_shown(figure.bar)}{unit}) {verdict}")
    if save:
        RESULTS.mkdir(exist_ok=True)
        judged = {
            key: {"value": one.value, "bar": one.bar, "direction": one.direction, "unit": one.unit, "met": one.met}
            for key, one in figures.items()
        }
        record = {"name": name, **stamp(), "figures": judged, "rows": [dict(row) for row in rows]}
        text = json.dumps(record, ensure_ascii=False, indent=1)
        (RESULTS / f"{name}.json").write_text(f"{text}\n", encoding="utf-8")
    print(" ".join(f"{key}={figure.value:.6g}" for key, figure in figures.items()))
    return 0 if all(figure.met for figure in figures.values()) else 1
