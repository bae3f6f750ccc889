"""LoRA adapters by channel or tone: the setting reaches the server as the model's name, however copy is asked for.

The commands run in their own process as a user starts them; the server they ask keeps what it was told.
"""

import asyncio
import json
import os
import socket
import sys
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx
import pytest

from copygen.brief import read_brief
from copygen.chat_model import ScriptedModel
from copygen.errors import InvalidSetting
from copygen.write import WriteOptions, write

from serving.settings import load_settings
from tests.fault_server import DONE, SSE, FaultServer, Reply, fault_server, models, piece
from tests.live_server import FIRST, RECORD

ROOT = Path(__file__).resolve().parent.parent
COPYGEN = Path(sys.executable).parent / "copygen"
ADAPTERS = {"discover": "discover-lora", "国风": "guofeng-lora"}
WRITES: Reply = [SSE, piece(FIRST, finish_reason="stop"), DONE]


@pytest.mark.parametrize(
    ("adapters", "adapter"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"note": "note-lora", "文艺": "wenyi-lora"}, None, id="of-others"),
        pytest.param({"discover": "discover-lora"}, "discover-lora", id="of-the-channel"),
        pytest.param({"国风": "guofeng-lora"}, "guofeng-lora", id="of-the-tone"),
        pytest.param({"国风": "guofeng-lora", "discover": "discover-lora"}, "discover-lora", id="channel-before-tone"),
    ],
)
async def test_channel_or_tone_chooses_the_adapter(adapters: Mapping[str, str], adapter: str | None) -> None:
    model = ScriptedModel([FIRST])
    brief, _ = read_brief({**RECORD, "channel": "发现好货", "tone": "國風"})
    await write(brief, model, options=WriteOptions(extra_candidates=0, adapters=adapters))
    assert [call[2] for call in model.calls] == [adapter]


@pytest.mark.parametrize(
    ("value", "says"),
    [
        pytest.param("{note: note-lora}", "JSON", id="not-JSON"),
        pytest.param('["note-lora"]', "dict", id="a-list"),
        pytest.param('{"nothing": "note-lora"}', "nothing", id="neither-channel-nor-tone"),
    ],
)
def test_a_setting_that_cannot_work_is_refused(value: str, says: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COPYGEN_ADAPTERS", value)
    with pytest.raises(InvalidSetting, match=says) as caught:
        load_settings()
    assert caught.value.name == "COPYGEN_ADAPTERS"


@asynccontextmanager
async def copygen(
    server: FaultServer, data: Path, *args: str | Path
) -> AsyncGenerator[asyncio.subprocess.Process, None]:
    """A command under way, set up by the environment alone; killed when it is left before it ended."""
    settings = {
        "COPYGEN_ENGINE": server.base_url,
        "COPYGEN_MODEL": "tiny",
        "COPYGEN_ADAPTERS": json.dumps(ADAPTERS),
        "COPYGEN_EXTRA_CANDIDATES": "0",
        "COPYGEN_DATA": str(data),
    }
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        COPYGEN, *args, cwd=ROOT, env={**os.environ, **settings}, stdout=pipe, stderr=asyncio.subprocess.STDOUT
    )
    try:
        yield process
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


async def finish(server: FaultServer, data: Path, *args: str | Path) -> None:
    async with copygen(server, data, *args) as process:
        said, _ = await process.communicate()
        assert process.returncode == 0, said.decode()


def asked(server: FaultServer) -> list[str]:
    """The model's name in each request, in order."""
    return [body["model"] for body in server.bodies if body]


async def test_copygen_write(tmp_path: Path) -> None:
    record = tmp_path / "brief.json"
    record.write_text(json.dumps(RECORD), encoding="utf-8")
    async with fault_server(WRITES) as server:
        await finish(server, tmp_path, "write", record)
    assert asked(server) == ["discover-lora"]


async def test_copygen_batch(tmp_path: Path) -> None:
    rows = tmp_path / "briefs.jsonl"
    briefs: list[dict[str, str]] = [
        {},
        {"tone": "国风"},
        {"channel": "note", "tone": "国风"},
        {"channel": "note", "tone": "文艺"},
    ]
    rows.write_text("\n".join(json.dumps({**RECORD, **brief}) for brief in briefs), encoding="utf-8")
    async with fault_server(WRITES) as server:
        await finish(server, tmp_path, "batch", rows, "-o", tmp_path / "out.jsonl", "--concurrency", "1")
    assert list(dict.fromkeys(asked(server))) == ["discover-lora", "guofeng-lora", "tiny"]


async def test_copygen_serve(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with (
        fault_server(models("tiny", "guofeng-lora"), WRITES) as server,
        copygen(server, tmp_path, "serve", "--port", str(port)) as process,
        httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as browser,
    ):
        while (await status(browser)) != 200:
            assert process.returncode is None
            await asyncio.sleep(0.1)
        answer = await browser.post("/v1/copies", json=RECORD)
        assert answer.status_code == 200, answer.text
        process.terminate()
        said, _ = await process.communicate()
    assert asked(server) == ["discover-lora"]
    assert "not ['discover-lora']" in said.decode().replace("\n", ""), (
        "an adapter the server lacks is told at the start"
    )


async def status(browser: httpx.AsyncClient) -> int | None:
    try:
        return (await browser.get("/readyz")).status_code
    except httpx.TransportError:
        return None
