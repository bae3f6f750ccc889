"""docs/click-loop.md, walked with simulated shoppers: write, compete, events, report, watch, pairs, better picks."""

import json
import re
from pathlib import Path

import httpx
import numpy as np
import pytest
from typer.testing import CliRunner

from copygen.chat_model import ScriptedModel

from serving.app import create_app
from serving.cli import app as cli
from serving.loop import pick
from serving.settings import Settings
from tests.app_client import client_of, settings
from tests.live_server import FIRST, RECORD, SECOND

ROUTES = re.compile(r"(GET|POST) (/v1/[\w/{}]+)")


async def shop(client: httpx.AsyncClient, experiment: str, shoppers: range, rates: dict[str, float]) -> list[str]:
    """Shoppers come, are shown a copy and click at its true rate; returns what each was shown."""
    rng = np.random.default_rng(shoppers.start)
    shown, events = [], []
    for number in shoppers:
        picked = (await client.get(f"/v1/experiments/{experiment}/pick", params={"visitor": f"v{number}"})).json()
        copy_id = picked["copy"]["copy_id"]
        shown.append(copy_id)
        event = {"copy_id": copy_id, "slot": picked["slot"], "visitor": f"v{number}"}
        events.append({"id": f"i{number}", "kind": "impression", **event})
        if rng.random() < rates[copy_id]:
            events.append({"id": f"c{number}", "kind": "click", **event})
    for _ in range(2):  # the sender was not sure that it arrived
        answer = await client.post("/v1/events", json={"events": events})
        assert answer.status_code == 200
    assert answer.json()["counted"] == 0
    return shown


async def test_the_loop_from_writing_to_better_picks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pick, "_FRESH_S", 0.0)
    monkeypatch.setenv("COPYGEN_DATA", str(tmp_path))
    async with client_of(create_app(ScriptedModel([FIRST, SECOND]), settings(data=tmp_path))) as client:
        written = (await client.post("/v1/copies", json={**RECORD, "n": 2})).json()["copies"]
        copies = [{name: copy[name] for name in ("title", "body", "points", "tags")} for copy in written]
        assert len(copies) == 2
        body = {"brief": RECORD, "slot": "home-feed", "copies": copies, "base_rate": 0.1}
        experiment = (await client.post("/v1/experiments", json=body)).json()
        first, second = experiment["copies"]
        rates = {first: 0.08, second: 0.4}  # a shop of great luck, so that the test is short
        early = await shop(client, experiment["id"], range(100), rates)
        for start in range(100, 800, 100):
            late = await shop(client, experiment["id"], range(start, start + 100), rates)
        assert late.count(second) > 80 > early.count(second)
        report = (await client.get(f"/v1/experiments/{experiment['id']}")).json()
        # Which of the two comes first depends on how often chance still showed the worse copy; both say: stop.
        assert report["verdict"] in ("winner", "no_difference")
        assert (report["leader"], report["bot_visitors"]) == (second, 0)
        assert report["mismatch_p"] == 1.0
        assert [sum(arm[name] for arm in report["arms"]) for name in ("impressions", "visitors")] == [800, 800]
        stopped = (await client.post(f"/v1/experiments/{experiment['id']}/stop")).json()
        assert stopped["kept"] == second

        published = await client.post("/v1/published", json={"brief": RECORD, "slot": "detail", "copy": copies[1]})
        change = {"name": "听屿 N3 真无线降噪耳机", "attributes": {"降噪深度": "40dB"}}
        stale = (await client.post("/v1/published/recheck", json={"products": [change]})).json()["stale"]
        assert [one["id"] for one in stale] == [published.json()["id"]]
        assert all("46dB" in sentence["text"] for sentence in stale[0]["sentences"])

    result = CliRunner().invoke(cli, ["events", "pairs", "-o", str(tmp_path / "pairs.jsonl")])
    assert result.exit_code == 0, result.output
    (line,) = (tmp_path / "pairs.jsonl").read_text(encoding="utf-8").splitlines()
    pair = json.loads(line)
    assert (pair["chosen_id"], pair["rejected_id"]) == (second, first) and pair["weight"] > 0.9


def test_the_page_names_routes_that_exist(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "click-loop.md").read_text(encoding="utf-8")
    paths = create_app(ScriptedModel([FIRST]), Settings(data=tmp_path)).openapi()["paths"]
    named = ROUTES.findall(text)
    assert len(named) >= 8
    assert [name for name in named if name[0].lower() not in paths.get(name[1], {})] == []
