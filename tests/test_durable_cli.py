"""`copygen jobs` as a user types it; the work in a process of its own."""

import asyncio
import csv
import json
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest
from click.testing import Result
from conftest import GOOD_COPY
from typer.testing import CliRunner

from copygen.chat_model import ScriptedModel

from serving.cli import app
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from tests.app_client import settings
from tests.fault_server import DONE, SSE, fault_server, piece, usage
from tests.job_support import jsonl, record, write_job

COPYGEN = Path(sys.executable).parent / "copygen"
GOOD = [SSE, piece(GOOD_COPY, finish_reason="stop"), usage(7, 2), DONE]


def jobs(folder: Path, *args: object) -> Result:
    environment = {"COPYGEN_DATA": str(folder), "COLUMNS": "200"}
    return CliRunner().invoke(app, ["jobs", *map(str, args)], env=environment)


def submitted(folder: Path, records: Sequence[object], *args: str) -> str:
    done = jobs(folder, "submit", jsonl(folder / "b.jsonl", records), *args)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_job_from_submit_to_result(tmp_path: Path) -> None:
    job = submitted(tmp_path, [record(i) for i in range(3)], "--channel", "note")
    assert submitted(tmp_path, [record(i) for i in range(3)], "--channel", "note") == job
    shown = json.loads(jobs(tmp_path, "status", job, "--json").stdout)
    assert (shown["state"], shown["total"], shown["options"]["channel"]) == ("queued", 3, "note")
    assert "排队" in jobs(tmp_path, "status").stdout
    with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
        asyncio.run(write_job(store, store.find(job), ScriptedModel([GOOD_COPY]), settings()))
    watched = jobs(tmp_path, "watch", job)
    assert watched.exit_code == 0 and "3/3" in watched.output
    done = jobs(tmp_path, "result", job, "-o", tmp_path / "o.csv")
    assert done.stdout.startswith("3 rows -> ")
    with (tmp_path / "o.csv").open(encoding="utf-8-sig", newline="") as table:
        assert [row["id"] for row in csv.DictReader(table)] == ["r0", "r1", "r2"]
    assert json.loads((tmp_path / "o.csv.aigc.json").read_text("utf-8"))["AIGC"]["Label"] == "1"
    assert "完成 3/3" in jobs(tmp_path, "retry-failed", job).stdout
    again = jobs(tmp_path, "submit", tmp_path / "b.jsonl", "--channel", "note")
    assert "--key" in again.output


def test_pause_resume_cancel(tmp_path: Path) -> None:
    job = submitted(tmp_path, [record(0)], "--key", "k")
    assert "已暂停" in jobs(tmp_path, "pause", job).stdout
    assert "排队" in jobs(tmp_path, "resume", job).stdout
    assert "已取消 0/1" in jobs(tmp_path, "cancel", job).stdout
    assert "0 of 1 rows" in jobs(tmp_path, "result", job, "-o", tmp_path / "o.jsonl").stdout


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (("status", "nope"), "unknown_job"),
        (("pause", "nope"), "unknown_job"),
        (("submit", "missing.csv"), "invalid_file"),
        (("result", "nope", "-o", "x.csv"), "unknown_job"),
    ],
)
def test_what_is_wrong_is_one_line(tmp_path: Path, args: tuple[str, ...], code: str) -> None:
    done = jobs(tmp_path, *args)
    assert (done.exit_code, code in done.output) == (2, True)


async def test_run_writes_what_there_is_and_ends(tmp_path: Path) -> None:
    job = await asyncio.to_thread(submitted, tmp_path, [record(i) for i in range(18)])
    async with fault_server(GOOD) as server:
        engine = {"COPYGEN_ENGINE": server.base_url, "COPYGEN_EXTRA_CANDIDATES": "0", "COPYGEN_DEEP": "false"}
        environment = os.environ | engine | {"COPYGEN_DATA": str(tmp_path)}
        process = await asyncio.create_subprocess_exec(
            COPYGEN, "jobs", "run", "--model", "m", env=environment, stderr=asyncio.subprocess.PIPE
        )
        _, shown = await asyncio.wait_for(process.communicate(), 120)
        assert process.returncode == 0, shown.decode()
        assert b"18/18" in shown
        assert len(server.bodies) == 18
        # With nothing to do it waits for more, until it is told to end.
        waiting = await asyncio.create_subprocess_exec(
            COPYGEN, "jobs", "run", "--forever", "--model", "m", env=environment
        )
        later = await asyncio.to_thread(submitted, tmp_path, [record(18)])
        async with asyncio.timeout(120):
            with closing(JobStore(database_url(settings(data=tmp_path)))) as store:
                while store.find(later).state != "succeeded":  # noqa: ASYNC110 -- it is in the database
                    await asyncio.sleep(0.1)
                assert store.find(job).done == 18
            waiting.send_signal(signal.SIGTERM)
            assert await waiting.wait() == 128 + signal.SIGTERM
