"""Commands and files as ways copy can leave: the other half of the walk in test_label_exits.py."""

import asyncio
import csv
import io
import json
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from openpyxl import load_workbook
from typer.main import get_command
from typer.testing import CliRunner

from copygen.chat_model import ScriptedModel
from copygen.label import EXPLICIT, make_label
from copygen.write import WriteOptions

from serving.cli import app as cli
from serving.jobs.batch import write_file, write_rows
from serving.jobs.file_label import EMBEDDERS, sidecar_of
from serving.jobs.google_ads import AdDefaults, AdsTable
from serving.jobs.table_files import FORMATS, LabelledFile
from serving.jobs.table_io import Row
from serving.jobs.xlsx_in import xlsx_rows
from serving.labels.labeller import Labeller, open_labeller
from serving.labels.log import Outlet
from serving.proof_page import PROOF_FORMATS
from tests.app_client import settings
from tests.fault_server import DONE, SSE, fault_server, piece, usage
from tests.live_server import FIRST, RECORD, SECOND
from tests.test_google_ads import SEARCH_ADS
from tests.test_label_exits import NUMBER, TITLE

CARRYING_COMMANDS = {"write", "batch", "jobs result", "events pairs"}
SILENT_COMMANDS = {
    *("check", "serve", "channels", "model"),
    *("kg load", "kg stats", "kg query", "kg explain"),
    *("rules list", "rules show", "rules page", "rules diff"),
    *(f"jobs {name}" for name in ("submit", "run", "status", "watch", "pause", "resume", "cancel", "retry-failed")),
    *("events import", "experiment list", "experiment show", "experiment simulate"),
}
"""`check` repeats what it was given; `serve` is the routes of test_label_exits.py. `jobs result` and `events pairs` are
walked in test_durable_cli.py and test_loop_files.py."""


def test_every_command_is_known() -> None:
    def names(command: Any, prefix: str = "") -> Iterator[str]:
        for name, sub in command.commands.items():
            yield from names(sub, f"{prefix}{name} ") if hasattr(sub, "commands") else [prefix + name]

    assert set(names(get_command(cli))) == CARRYING_COMMANDS | SILENT_COMMANDS


REPLY = [SSE, piece(FIRST, finish_reason="stop"), usage(7, 2), DONE]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command on a server that writes FIRST; gives its output."""
    environment = {"COPYGEN_DATA": str(tmp_path), "COPYGEN_PROVIDER": "某店", "COPYGEN_EXTRA_CANDIDATES": "0"}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)

    async def run(*arguments: str) -> str:
        brief = tmp_path / "brief.json"
        brief.write_text(json.dumps(RECORD), encoding="utf-8")
        filled = [str(brief) if argument == "BRIEF" else argument for argument in arguments]
        async with fault_server(REPLY) as server:
            asked = [*filled, "--engine", server.base_url, "--model", "m"]
            done = await asyncio.to_thread(CliRunner().invoke, cli, asked, env={"COLUMNS": "200"})
        assert done.exit_code == 0, done.output
        return done.output

    return run


def outlets(tmp_path: Path, number: str = NUMBER) -> list[Outlet]:
    return [entry.outlet for entry in open_labeller(settings(data=tmp_path)).log.find(number)]


@pytest.mark.parametrize("flags", [[], ["--json"]], ids=["text", "json"])
async def test_write_labels_what_it_prints(tmp_path: Path, command: Callable[..., Any], flags: list[str]) -> None:
    output = await command("write", "BRIEF", *flags)
    assert TITLE in output
    assert EXPLICIT["zh-Hans"] in output
    assert NUMBER in output
    assert outlets(tmp_path) == ["terminal"]


@pytest.mark.parametrize("ending", sorted(FORMATS))
async def test_batch_labels_file_and_table(tmp_path: Path, command: Callable[..., Any], ending: str) -> None:
    out = tmp_path / f"out{ending}"
    output = await command("batch", "BRIEF", "-o", str(out), "--show")
    assert EXPLICIT["zh-Hans"] in output
    assert NUMBER in text_of(out)
    assert file_label(out)["Label"] == "1"
    assert outlets(tmp_path) == ["terminal", "file"]


def text_of(out: Path) -> str:
    """Everything a person reads in a file of copies."""
    if out.suffix != ".xlsx":
        return out.read_text(encoding="utf-8-sig")
    return "\n".join(cell for _, cells in xlsx_rows(out) for cell in cells)


def file_label(out: Path) -> dict[str, str]:
    """The seven fields of the file's own label: in its properties, or beside it."""
    if out.suffix in EMBEDDERS:
        (prop,) = load_workbook(out).custom_doc_props.props
        assert prop.name == "AIGC"
        return dict(json.loads(prop.value))
    return dict(json.loads(sidecar_of(out).read_text(encoding="utf-8"))["AIGC"])


async def _write(
    out: Path,
    labeller: Labeller,
    replies: list[str],
    ads: LabelledFile[AdsTable] | None = None,
    **record: object,
) -> None:
    rows = [Row(1, {**RECORD, **record}), Row(2, {"channel": "discover"})]
    outcomes = write_rows(rows, ScriptedModel(replies), options=WriteOptions(extra_candidates=0))
    await write_file(outcomes, out, labeller=labeller, done=lambda _: None, ads=ads)


@pytest.mark.parametrize("ending", sorted(FORMATS))
async def test_every_file_of_copies_is_labelled_inside_and_by_its_metadata(tmp_path: Path, ending: str) -> None:
    out = tmp_path / f"out{ending}"
    labeller = open_labeller(settings(data=tmp_path, provider="某店"))
    await _write(out, labeller, [FIRST])
    assert EXPLICIT["zh-Hans"] in text_of(out)
    assert NUMBER in text_of(out)
    fields = file_label(out)
    assert (fields["Label"], fields["ContentProducer"]) == ("1", "某店")
    (entry,) = labeller.log.find(fields["ProduceID"])
    assert (entry.outlet, entry.label.sha256) == ("file", fields["ReservedCode1"])
    if not sidecar_of(out).exists():
        assert ending in EMBEDDERS
        return
    beside = json.loads(sidecar_of(out).read_text(encoding="utf-8"))
    assert beside["AIGC"] == make_label(out.read_bytes(), "某店").metadata()["AIGC"]
    assert beside["sha256"] == entry.label.sha256


async def test_ads_are_labelled_too(tmp_path: Path) -> None:
    labeller = open_labeller(settings(data=tmp_path, provider="某店"))
    ads = tmp_path / "ads.csv"
    await _write(
        tmp_path / "out.csv",
        labeller,
        SEARCH_ADS,
        ads=LabelledFile(ads, partial(AdsTable, defaults=AdDefaults(url="https://example.com"))),
        **{**RECORD, "channel": "search_ad", "n": 2},
    )
    with ads.open(encoding="utf-8-sig", newline="") as table:
        (ad,) = csv.DictReader(table)
    assert ad["Labels"] == EXPLICIT["zh-Hans"]
    for number in ad["Comment"].split()[1:]:
        assert labeller.log.find(number)
    assert file_label(ads)["Label"] == "1"


async def test_each_column_and_each_further_copy_has_its_label(tmp_path: Path) -> None:
    labeller = open_labeller(settings(data=tmp_path, provider="某店"))
    await _write(tmp_path / "out.csv", labeller, [FIRST])
    good, bad = csv.DictReader(io.StringIO((tmp_path / "out.csv").read_text(encoding="utf-8-sig")))
    assert (good["ai_label"], good["ai_id"]) == (EXPLICIT["zh-Hans"], NUMBER)
    assert (bad["ai_label"], bad["ai_id"]) == ("", "")
    await _write(tmp_path / "out.jsonl", labeller, [FIRST, SECOND], n=2)
    line = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0])
    (more,) = line["more"]
    assert {line["AIGC"]["ProduceID"], more["AIGC"]["ProduceID"]} > {NUMBER}
    assert labeller.log.find(more["AIGC"]["ProduceID"])


def test_every_format_with_metadata_is_read_back_somewhere() -> None:
    assert EMBEDDERS.keys() == {
        ".png",
        ".pdf",
        ".xlsx",
        ".docx",
        ".pptx",
    }  # test_file_label.py; Office is one container


def test_every_form_of_proof_is_known() -> None:
    assert set(PROOF_FORMATS) == {".html", ".json"}  # both walked above, as POST /v1/proofs
