"""The log of issued labels, the agreement that hands the explicit one over, and GET /v1/labels/{id}."""

import json
import os
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from copygen.chat_model import ScriptedModel
from copygen.errors import InvalidSetting
from copygen.label import make_label

from serving.app import create_app
from serving.labels.agreement import Agreement, read_agreement
from serving.labels.labeller import Labeller, open_labeller
from serving.labels.log import IssuedLabel, LabelLog, LabelLogError
from serving.settings import load_settings
from tests.app_client import client_of, settings
from tests.live_server import FIRST, RECORD

TODAY = date(2026, 11, 25)
SIGNED = {
    "user": "杭州某某电子商务有限公司",
    "signed_by": "张三，运营负责人",
    "agreed_on": "2026-11-01",
    "purpose": "天猫旗舰店商品文案",
    "duty": "发布时由我方按《标识办法》添加显式标识，并对使用承担责任。",
}


def agreement_file(folder: Path, **changes: object) -> Path:
    path = folder / "agreement.json"
    record = {name: value for name, value in {**SIGNED, **changes}.items() if value is not None}
    path.write_text(json.dumps(record, ensure_ascii=False), encoding="utf-8")
    return path


@pytest.fixture
def log(tmp_path: Path) -> Iterator[LabelLog]:
    log = LabelLog(tmp_path / "data" / "labels.sqlite3", retention_days=184)
    yield log
    log.close()


def test_what_is_issued_is_found_again_without_its_text(log: LabelLog) -> None:
    before = datetime.now(UTC)
    (label,) = Labeller("某店", log).label(["文案"], "api", channel="note", model="m 1", prompt_id="p.v1")
    (entry,) = log.find(label.produce_id)
    assert entry == IssuedLabel(label, entry.issued_at, "api", "note", "zh-Hans", "", "m 1", "p.v1")
    assert before <= entry.issued_at <= datetime.now(UTC)
    log.close()
    stored = b"".join(path.read_bytes() for path in log.path.parent.iterdir())
    assert "文案".encode() not in stored
    assert label.sha256.encode() in stored


def test_the_newest_issue_comes_first_and_other_numbers_do_not(log: LabelLog) -> None:
    labeller = Labeller("某店", log)
    for outlet in ("api", "page", "file"):
        labeller.label(["一", "二"], outlet)  # type: ignore[arg-type]
    assert [entry.outlet for entry in log.find(make_label("一", "某店").produce_id)] == ["file", "page", "api"]
    assert len(log.find(make_label("一", "某店").produce_id, limit=2)) == 2
    assert log.find("0" * 32) == []
    assert labeller.find_text("一") is not None
    assert labeller.find_text("一。") is None


def test_only_what_is_past_retention_goes_when_the_log_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite3"
    log = LabelLog(path, retention_days=184)
    entry = IssuedLabel(make_label("新", "某店"), datetime.now(UTC) - timedelta(days=183), "api", "note", "zh-Hans")
    old = replace(entry, label=make_label("旧", "某店"), issued_at=datetime.now(UTC) - timedelta(days=185))
    log.add([entry, old])
    log.close()
    again = LabelLog(path, retention_days=184)
    assert again.find(entry.label.produce_id) == [entry]
    assert again.find(old.label.produce_id) == []
    again.close()


def test_retention_under_six_months_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="COPYGEN_LABEL_DAYS"):
        load_settings(label_days=183)


_WRITER = """
import sys
from pathlib import Path
from serving.labels.labeller import Labeller
from serving.labels.log import LabelLog
labeller = Labeller("某店", LabelLog(Path(sys.argv[1]), retention_days=184))
for number in range(200):
    labeller.label([f"{sys.argv[2]} {number}"], "api")
"""


def test_processes_that_open_and_write_at_once_lose_nothing(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite3"
    root = Path(__file__).resolve().parent.parent
    environment = {**os.environ, "PYTHONPATH": str(root)}
    writers = [subprocess.Popen([sys.executable, "-c", _WRITER, path, str(i)], env=environment) for i in range(3)]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    log = LabelLog(path, retention_days=184)
    numbers = [make_label(f"{i} {number}", "某店").produce_id for i in range(3) for number in range(200)]
    assert all(len(log.find(number)) == 1 for number in numbers)
    log.close()


def test_labelling_costs_a_copy_less_than_two_milliseconds(log: LabelLog) -> None:
    labeller = Labeller("某店", log)
    labeller.label(["暖机"], "api")
    times = []
    for number in range(300):
        began = time.perf_counter()
        labeller.label([f"第{number}条文案" * 20], "api", channel="note")
        times.append(time.perf_counter() - began)
    assert sorted(times)[len(times) // 2] < 0.002  # measured: 0.1 ms


def test_what_cannot_be_recorded_leaves_fully_labelled(log: LabelLog, caplog: pytest.LogCaptureFixture) -> None:
    labeller = Labeller("某店", log, Agreement.model_validate(SIGNED))
    assert labeller.label(["文案"], "api")[0].text == ""
    log.close()
    for path in log.path.parent.iterdir():
        path.unlink()
    log.path.mkdir()  # nothing can be written there
    (label,) = labeller.label(["文案"], "api")
    assert label.text == "本内容由人工智能生成"
    assert "not recorded" in caplog.text


def test_a_file_that_is_no_log_is_named(tmp_path: Path) -> None:
    (tmp_path / "labels.sqlite3").write_text("not a database, and long enough to be looked at " * 20)
    with pytest.raises(LabelLogError, match=r"labels\.sqlite3"):
        LabelLog(tmp_path / "labels.sqlite3", retention_days=184)
    with pytest.raises(InvalidSetting, match=r"COPYGEN_DATA.*folder that can be written"):
        open_labeller(settings(data=tmp_path))


def test_an_agreement_is_read_from_either_form(tmp_path: Path) -> None:
    path = tmp_path / "agreement.toml"
    lines = [f'{name} = "{value}"' for name, value in SIGNED.items()]
    path.write_text("\n".join(lines).replace('"2026-11-01"', "2026-11-01"), encoding="utf-8")  # a date of TOML
    assert read_agreement(path, TODAY) == read_agreement(agreement_file(tmp_path), TODAY)
    assert read_agreement(path, TODAY).agreed_on == date(2026, 11, 1)


def test_the_agreement_in_the_guide_is_a_valid_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parent.parent / "docs" / "labels.md").read_text(encoding="utf-8")
    path = tmp_path / "agreement.toml"
    path.write_text(page.split("```toml\n")[1].split("```")[0], encoding="utf-8")
    assert read_agreement(path, TODAY).agreed_on == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        *(pytest.param({name: None}, rf"{name}: Field required", id=f"no {name}") for name in SIGNED),
        pytest.param({"signed_by": "  "}, "signed_by: String should have at least 1", id="blank"),
        pytest.param({"note": "x"}, "note: Extra inputs", id="unknown field"),
        pytest.param({"agreed_on": "明天"}, "agreed_on: Input should be a valid date", id="no date"),
        pytest.param({"agreed_on": "2026-11-26"}, "has not come yet", id="future"),
    ],
)
def test_an_incomplete_agreement_is_refused(tmp_path: Path, changes: dict[str, object], words: str) -> None:
    with pytest.raises(InvalidSetting, match=words) as caught:
        read_agreement(agreement_file(tmp_path, **changes), TODAY)
    assert caught.value.name == "COPYGEN_UNLABELLED_AGREEMENT"


@pytest.mark.parametrize("content", [b"{", b"[1]", b"\xff\xfe", None], ids=["broken", "a list", "not UTF-8", "missing"])
def test_a_file_that_is_no_agreement_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "agreement.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(InvalidSetting, match=r"agreement\.json"):
        open_labeller(settings(unlabelled_agreement=path))


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([FIRST]), settings(data=tmp_path, provider="某店"))) as client:
        yield client


async def test_a_label_can_be_verified(client: httpx.AsyncClient) -> None:
    written = (await client.post("/v1/copies", json=RECORD)).json()
    (copy,) = written["copies"]
    found = (await client.get(f"/v1/labels/{copy['AIGC']['ProduceID']}")).json()
    (issue,) = found.pop("issued")
    assert found == {
        "id": copy["AIGC"]["ProduceID"],
        "producer": "某店",
        "sha256": copy["AIGC"]["ReservedCode1"],
        "unchanged": None,
        "AIGC": copy["AIGC"],
    }
    assert abs(datetime.now(UTC) - datetime.fromisoformat(issue.pop("at"))) < timedelta(minutes=1)
    assert issue == {
        "outlet": "api",
        "channel": "discover",
        "lang": "zh-Hans",
        "ai_label": written["ai_label"],
        "handed_over": None,
        "model": "scripted",
        "prompt_id": written["prompt_id"],
    }


async def test_a_text_is_compared_with_its_label(client: httpx.AsyncClient) -> None:
    written = (await client.post("/v1/copies", json=RECORD)).json()
    (copy,) = written["copies"]
    url = f"/v1/labels/{copy['AIGC']['ProduceID']}"
    text = f"{copy['title']}\n{copy['body']}\n\n{written['ai_label']}"
    assert (await client.post(f"{url}/check", json={"text": text})).json()["unchanged"] is True
    assert (await client.post(f"{url}/check", json={"text": text.replace("46dB", "48dB")})).json()["unchanged"] is False
    good, bad = copy["AIGC"]["ReservedCode1"].upper(), "0" * 64
    assert (await client.get(url, params={"sha256": good})).json()["unchanged"] is True
    assert (await client.get(url, params={"sha256": bad})).json()["unchanged"] is False
    assert (await client.get(url, params={"sha256": "xyz"})).status_code == 422


@pytest.mark.parametrize("number", ["0" * 32, "x", "编号", "a" * 64])
async def test_an_unknown_label_has_the_one_error_body(client: httpx.AsyncClient, number: str) -> None:
    for response in (
        await client.get(f"/v1/labels/{number}"),
        await client.post(f"/v1/labels/{number}/check", json={"text": "x"}),
    ):
        assert response.status_code == 404
        assert response.json()["error"]["code"] == "unknown_label"


async def test_a_handed_over_label_names_the_agreement(tmp_path: Path) -> None:
    signed = agreement_file(tmp_path)
    app = create_app(ScriptedModel([FIRST]), settings(data=tmp_path, unlabelled_agreement=signed))
    async with client_of(app) as client:
        written = (await client.post("/v1/copies", json=RECORD)).json()
        assert written["ai_label"] == ""
        number = written["copies"][0]["AIGC"]["ProduceID"]
        (issue,) = (await client.get(f"/v1/labels/{number}")).json()["issued"]
    assert issue["ai_label"] == ""
    assert issue["handed_over"] == {
        "user": SIGNED["user"],
        "agreed_on": SIGNED["agreed_on"],
        "purpose": SIGNED["purpose"],
    }
