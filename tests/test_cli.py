"""The commands as a user types them, in their own process, on the bundled model."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPYGEN = Path(sys.executable).parent / "copygen"


def run(*args: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [COPYGEN, *args], input=stdin, capture_output=True, text=True, check=False, cwd=ROOT, timeout=120
    )


def test_write_from_a_product_file() -> None:
    done = run("write", "examples/product.json", "--channel", "note", "--tone", "俏皮", "-n", "2", "--json")
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert 1 <= len(result["copies"]) <= 2
    assert result["copies"][0]["body"]
    assert "人工智能" in result["ai_label"]
    assert all(copy["AIGC"]["Label"] == "1" for copy in result["copies"])


def test_write_from_flags_and_from_standard_input() -> None:
    flags = run("write", "--name", "听屿 N3 耳机", "--attr", "续航=40小时", "--attr", "防水=IPX4", "-c", "push")
    assert flags.returncode == 0, flags.stderr
    assert "本内容由人工智能生成" in flags.stdout
    piped = run("write", "-", "-c", "push", stdin='{"name": "听屿 N3 耳机", "attributes": {"续航": "40小时"}}')
    assert piped.returncode == 0, piped.stderr


@pytest.mark.parametrize(
    ("args", "stdin", "code", "names"),
    [
        pytest.param(("write", "missing.json"), "", "invalid_file", "missing.json", id="no such file"),
        pytest.param(("write", "-"), "{", "invalid_file", "standard input", id="broken JSON"),
        pytest.param(("write", "-"), "[1]", "invalid_file", "one JSON object", id="not an object"),
        pytest.param(("write",), "", "invalid_brief", "products", id="nothing given"),
        pytest.param(
            ("write", "--name", "杯", "--attr", "续航"), "", "invalid_brief", "--attr", id="attr without value"
        ),
        pytest.param(
            ("write", "--name", "杯", "-c", "nowhere"), "", "unknown_channel", "discover", id="unknown channel"
        ),
        pytest.param(("write", "--name", "杯", "--lang", "fr"), "", "invalid_brief", "zh-Hant", id="unknown language"),
        pytest.param(("batch", "README.md", "-o", "x.csv"), "", "invalid_file", ".jsonl", id="unknown ending"),
        pytest.param(
            ("write", "--name", "杯", "--engine", "ftp://x"), "", "invalid_setting", "engine", id="unknown engine"
        ),
        pytest.param(
            ("write", "--name", "杯", "--attr", "a=b", "--engine", "http://127.0.0.1:9/v1", "--model", "m"),
            "",
            "engine_unavailable",
            "",
            id="no server there",
        ),
        pytest.param(("serve", "--host", "0.0.0.0"), "", "invalid_setting", "127.0.0.1", id="open to others"),
        pytest.param(("check",), "", "invalid_brief", "text", id="nothing to check"),
    ],
)
def test_mistakes_get_one_line_and_exit_2(args: tuple[str, ...], stdin: str, code: str, names: str) -> None:
    done = run(*args, stdin=stdin)
    assert done.returncode == 2, done.stdout + done.stderr
    assert code in done.stderr
    assert names in done.stderr.replace("\n", "")
    assert "Traceback" not in done.stderr


def test_batch_jsonl_keeps_order_and_reports_bad_rows(tmp_path: Path) -> None:
    lines = (ROOT / "examples" / "briefs.jsonl").read_text(encoding="utf-8").splitlines()[:2]
    source = tmp_path / "in.jsonl"
    source.write_text("\n".join([lines[0], "{broken", '{"id": "no-products", "channel": "push"}', lines[1]]), "utf-8")
    done = run("batch", source, "-o", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert [row["status"] for row in rows] == ["succeeded", "failed", "failed", "succeeded"]
    assert [row["id"] for row in rows] == [
        json.loads(lines[0])["id"],
        "line-2",
        "no-products",
        json.loads(lines[1])["id"],
    ]
    assert rows[1]["error"]["code"] == "invalid_file"
    assert rows[2]["error"]["param"] == "products"
    assert "2 failed" in done.stdout
    assert rows[0]["copy"]["title"]


def test_batch_csv_in_csv_out(tmp_path: Path) -> None:
    done = run("batch", "examples/briefs.csv", "-o", tmp_path / "out.csv", "--show")
    assert done.returncode == 0, done.stderr
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as source:
        rows = list(csv.DictReader(source))
    assert [row["编号"] for row in rows] == ["csv-1", "csv-2", "csv-3"]
    assert all(row["status"] == "succeeded" for row in rows), rows
    assert all("人工智能" in row["ai_label"] for row in rows)


def test_check_marks_what_must_change() -> None:
    done = run("check", "--text", "全网第一的降噪耳机，续航60小时", "--product", "examples/product.json")
    assert done.returncode == 1
    assert "absolute_term" in done.stdout
    assert "广告法" in done.stdout
    assert "wrong_value" in done.stdout
    clean = run("check", "--text", "46dB降噪，地铁里也听得清", "--product", "examples/product.json")
    assert clean.returncode == 0, clean.stdout


def test_check_jsonl(tmp_path: Path) -> None:
    cases = tmp_path / "cases.jsonl"
    cases.write_text('{"id": "a", "text": "全网第一"}\n{"id": "b"}\n', encoding="utf-8")
    done = run("check", "--jsonl", cases, "-o", tmp_path / "out.jsonl")
    assert done.returncode == 0, done.stderr
    rows = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    assert rows[0]["findings"][0]["label"] == "absolute_term"
    assert rows[1]["error"]["code"] == "invalid_brief"


def test_channels_and_model() -> None:
    assert "发现好货" in run("channels").stdout
    done = run("model")
    assert done.returncode == 0, done.stderr
    assert "Apache-2.0" in done.stdout
    assert "all right" in done.stdout
