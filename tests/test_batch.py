"""A file of briefs to a file of copies with a scripted model."""

import asyncio
import csv
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from pathlib import Path

import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE
from typer.testing import CliRunner

from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel
from copygen.errors import EngineBusy, InvalidFile
from copygen.write import WriteOptions

from serving.cli import app
from serving.jobs.batch import write_file, write_rows
from serving.jobs.table_io import Row, read_rows
from serving.jobs.table_out import OUT_COLUMNS, RowResult
from serving.labels.labeller import open_labeller
from tests.app_client import settings

ONE = WriteOptions(extra_candidates=0)
Script = Callable[..., ScriptedModel]


def _record(row_id: str, **fields: object) -> dict[str, object]:
    return {"id": row_id, "channel": "discover", "products": [EARBUDS], **fields}


def _jsonl(folder: Path, *lines: object) -> Path:
    path = folder / "briefs.jsonl"
    path.write_text("".join((x if isinstance(x, str) else json.dumps(x)) + "\n" for x in lines), encoding="utf-8")
    return path


class _Echo:
    """Writes the good copy for every brief, later ones sooner; counts how many are under way."""

    name = "echo"
    exemplars = 0

    def __init__(self) -> None:
        self.started = self.running = self.most = 0

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        self.started += 1
        self.running += 1
        self.most = max(self.most, self.running)
        try:
            await asyncio.sleep(0.03 / self.started)
            yield Chunk(0, GOOD_COPY, "stop", 1, 1)
        finally:
            self.running -= 1


async def _batch(source: Path, out: Path, model: object, **defaults: str) -> list[RowResult]:
    seen: list[RowResult] = []
    outcomes = write_rows(read_rows(source, defaults), model, options=ONE)  # type: ignore[arg-type]
    await write_file(outcomes, out, labeller=open_labeller(settings(provider="某店")), done=seen.append)
    return seen


async def test_order_is_kept_and_concurrency_bounded() -> None:
    model = _Echo()
    rows = [Row(i, _record(f"r{i}")) for i in range(12)]
    results = [r async for r in write_rows(rows, model, options=ONE, concurrency=3)]
    assert [r.row.number for r in results] == list(range(12))
    assert all(r.status == "succeeded" for r in results)
    assert model.most == 3


async def test_rows_are_read_as_they_are_needed() -> None:
    taken = 0

    def source() -> object:
        nonlocal taken
        for i in range(100):
            taken += 1
            yield Row(i, _record(f"r{i}"))

    outcomes = write_rows(source(), _Echo(), options=ONE, concurrency=2)  # type: ignore[arg-type]
    await anext(outcomes)
    assert taken == 3
    await outcomes.aclose()


async def test_jsonl_bad_rows_stay_in_place(tmp_path: Path, scripted: Script) -> None:
    source = _jsonl(
        tmp_path, _record("a"), "{", {"id": "c", "channel": "discover"}, _record("d", channel="billboard"), _record("e")
    )
    out = tmp_path / "deep" / "copies.jsonl"
    seen = await _batch(source, out, scripted(GOOD_COPY))
    lines = [json.loads(line) for line in out.read_text(encoding="utf-8").splitlines()]
    assert len(seen) == len(lines) == 5
    assert [line["id"] for line in lines] == ["a", "line-2", "c", "d", "e"]
    assert [line["status"] for line in lines] == ["succeeded", "failed", "failed", "failed", "succeeded"]
    assert [line["error"]["code"] for line in lines if "error" in line] == [
        "invalid_file",
        "invalid_brief",
        "unknown_channel",
    ]
    assert [line["error"]["param"] for line in lines if "error" in line] == ["briefs.jsonl", "products", "channel"]


async def test_jsonl_line_has_everything_known_of_a_copy(tmp_path: Path, scripted: Script) -> None:
    source = _jsonl(tmp_path, _record("a", facts=[["主动降噪", "适合场景", "地铁"]], audience="<b>通勤族</b>"))
    await _batch(source, tmp_path / "out.jsonl", scripted(GOOD_COPY))
    line = json.loads((tmp_path / "out.jsonl").read_text(encoding="utf-8"))
    assert line["copy"] == {"title": GOOD_TITLE, "body": GOOD_BODY, "points": [], "tags": []}
    assert line["facts"] == [["主动降噪", "适合场景", "地铁"]]
    assert [change["field"] for change in line["changes"]] == ["audience"]
    assert "人工智能" in line["ai_label"]
    assert line["AIGC"]["ContentProducer"] == "某店"
    assert line["model"] == "scripted"
    assert line["prompt_id"] == "copy.v1/discover.v1/简约.v1"
    assert set(line["timings"]) == {"first_token_ms", "engine_ms", "own_ms", "total_ms"}
    assert {"channel", "tone", "more", "proxy", "findings", "prompt_hash"} <= set(line)


async def test_csv_repeats_the_columns_then_ours(tmp_path: Path, scripted: Script) -> None:
    source = tmp_path / "briefs.csv"
    source.write_text(
        "商品名,渠道,降噪深度,续航,颜色,佩戴,备注\n"
        "只有名字\n"
        "声悦 耳机,discover,48dB,40小时,雾霾蓝,入耳式,=1+1\n"
        "声悦 耳机,billboard,48dB,40小时,雾霾蓝,入耳式,\n",
        encoding="gb18030",
    )
    out = tmp_path / "out.csv"
    await _batch(source, out, scripted(GOOD_COPY))
    assert out.read_bytes().startswith(b"\xef\xbb\xbf")
    with out.open(encoding="utf-8-sig", newline="") as table:
        reader = csv.DictReader(table)
        rows = list(reader)
        header = reader.fieldnames
    assert header == ["商品名", "渠道", "降噪深度", "续航", "颜色", "佩戴", "备注", *OUT_COLUMNS]
    assert [row["status"] for row in rows] == ["failed", "succeeded", "failed"]
    assert [row["error_code"] for row in rows] == ["invalid_file", "", "unknown_channel"]
    assert rows[1]["备注"] == "'=1+1"
    assert (rows[1]["title"], rows[1]["body"]) == (GOOD_TITLE, GOOD_BODY)
    assert "人工智能" in rows[1]["ai_label"]
    assert "line 2" in rows[0]["error"]


async def test_a_column_of_the_merchant_is_never_overwritten(tmp_path: Path, scripted: Script) -> None:
    source = tmp_path / "briefs.csv"
    source.write_text(
        "title,channel,降噪深度,续航,颜色,佩戴\n声悦 耳机,discover,48dB,40小时,雾霾蓝,入耳式\n", encoding="utf-8"
    )
    await _batch(source, tmp_path / "out.csv", scripted(GOOD_COPY))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as table:
        (row,) = csv.DictReader(table)
    assert (row["title (input)"], row["title"]) == ("声悦 耳机", GOOD_TITLE)


async def test_json_briefs_to_csv_name_the_product(tmp_path: Path, scripted: Script) -> None:
    source = _jsonl(tmp_path, "[", _record("a", tone="俏皮"))
    await _batch(source, tmp_path / "out.csv", scripted(GOOD_COPY))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as table:
        bad, good = csv.DictReader(table)
    assert (bad["id"], bad["status"]) == ("line-1", "failed")
    assert (good["id"], good["name"], good["channel"], good["tone"]) == ("a", EARBUDS["name"], "discover", "俏皮")


async def test_text_no_file_can_hold_does_not_end_the_job(tmp_path: Path, scripted: Script) -> None:
    source = _jsonl(tmp_path, _record("a\ud800"), _record("b"))
    for out in (tmp_path / "out.jsonl", tmp_path / "out.csv"):
        seen = await _batch(source, out, scripted(GOOD_COPY))
        assert [r.status for r in seen] == ["succeeded", "succeeded"]
    first = (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()[0]
    assert json.loads(first)["id"] == "a\ud800"


async def test_engine_error_fails_the_row_alone(tmp_path: Path) -> None:
    class Busy(_Echo):
        async def stream(
            self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
        ) -> AsyncGenerator[Chunk, None]:
            self.started += 1
            if self.started == 1:
                raise EngineBusy
            yield Chunk(0, GOOD_COPY, "stop", 1, 1)

    seen = await _batch(_jsonl(tmp_path, _record("a"), _record("b")), tmp_path / "out.jsonl", Busy())
    assert [(r.status, r.error.code if r.error else "") for r in seen] == [("failed", "engine_busy"), ("succeeded", "")]


@pytest.mark.parametrize("name", ["out.jsonl", "out.csv"])
async def test_no_file_appears_after_a_crash_and_an_old_one_stays(tmp_path: Path, name: str) -> None:
    class Crash(_Echo):
        async def stream(
            self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
        ) -> AsyncGenerator[Chunk, None]:
            self.started += 1
            if self.started == 3:
                raise ZeroDivisionError
            yield Chunk(0, GOOD_COPY, "stop", 1, 1)

    source = _jsonl(tmp_path, *(_record(f"r{i}") for i in range(5)))
    out = tmp_path / name
    with pytest.raises(ZeroDivisionError):
        await _batch(source, out, Crash())
    assert not out.exists()
    out.write_text("old", encoding="utf-8")
    with pytest.raises(ZeroDivisionError):
        await _batch(source, out, Crash())
    assert out.read_text(encoding="utf-8") == "old"


async def test_out_that_cannot_be_written(tmp_path: Path, scripted: Script) -> None:
    source = _jsonl(tmp_path, _record("a"))
    with pytest.raises(InvalidFile, match=r"unknown ending '\.xls'"):
        await _batch(source, tmp_path / "out.xls", scripted())
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(InvalidFile, match="cannot be written") as caught:
        await _batch(source, tmp_path / "file" / "out.csv", scripted())
    assert caught.value.path == str(tmp_path / "file" / "out.csv")


async def test_errors_say_file_line_column_and_value(tmp_path: Path, scripted: Script) -> None:
    source = tmp_path / "briefs.csv"
    source.write_text(
        "品名,投放渠道,语言,属性\n声悦 耳机,billboard,,\n声悦 耳机,discover,fr,\n声悦 耳机,discover,,好看\n"
    )
    await _batch(source, tmp_path / "out.jsonl", scripted())
    await _batch(source, tmp_path / "out.csv", scripted())
    lines = [json.loads(line) for line in (tmp_path / "out.jsonl").read_text(encoding="utf-8").splitlines()]
    places = [[line["error"][name] for name in ("file", "line", "column", "value")] for line in lines]
    assert places == [
        ["briefs.csv", 2, "投放渠道", "billboard"],
        ["briefs.csv", 3, "语言", "fr"],
        ["briefs.csv", 4, "属性", "好看"],
    ]
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as table:
        texts = [row["error"] for row in csv.DictReader(table)]
    assert texts[0].startswith(
        "briefs.csv line 2, column 投放渠道, value 'billboard': channel: 'billboard' is not known"
    )
    assert texts[1] == "briefs.csv line 3, column 语言, value 'fr': lang: 'fr' is not known; use zh-Hans or zh-Hant"
    assert texts[2].endswith("'好看' has no value; write 名=值")


async def test_a_row_says_what_its_copy_rests_on_and_how_it_came_about(tmp_path: Path, scripted: Script) -> None:
    await _batch(_jsonl(tmp_path, _record("a")), tmp_path / "out.csv", scripted(GOOD_COPY))
    with (tmp_path / "out.csv").open(encoding="utf-8-sig", newline="") as table:
        (row,) = csv.DictReader(table)
    assert "属性" in row["evidence"] and "依据：" in row["evidence"] and "续航" in row["evidence"]
    assert (row["model"], row["prompt_id"]) == ("scripted", "copy.v1/discover.v1/简约.v1")
    assert 0 <= float(row["proxy"]) <= 1


@pytest.mark.parametrize("ending", [".csv", ".xlsx", ".jsonl"])
async def test_one_file_for_each_channel(tmp_path: Path, ending: str, scripted: Script) -> None:
    rows = [
        _record("a"),
        _record("b", channel="billboard"),
        _record("c", channel="发现好货"),
        _record("d", channel="note"),
    ]
    source = _jsonl(tmp_path, *rows)
    outcomes = write_rows(read_rows(source), scripted(GOOD_COPY), options=ONE)
    labeller = open_labeller(settings(provider="某店"))
    out = tmp_path / f"out{ending}"
    files = await write_file(outcomes, out, labeller=labeller, done=lambda _: None, by_channel=True)
    assert [path.name for path in files] == [f"out.{name}{ending}" for name in ("discover", "other", "note")]
    assert all(path.is_file() for path in files) and not out.exists()
    assert not any(path.with_name(f"{path.name}.part").exists() for path in files)
    if ending == ".jsonl":
        ids = [[json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()] for path in files]
        assert ids == [["a", "c"], ["b"], ["d"]]


def test_a_dry_run_shows_the_columns_and_writes_nothing(tmp_path: Path) -> None:
    source = tmp_path / "t.csv"
    source.write_text("货品,库存,材质\n杯,9,陶瓷\n", encoding="utf-8")
    arguments = ["batch", str(source), "-o", str(tmp_path / "out.xlsx"), "--map", "货品=name", "--dry-run"]
    done = CliRunner().invoke(app, arguments, env={"COLUMNS": "120"})
    assert done.exit_code == 0, done.output
    assert "货品" in done.output and "name" in done.output and "陶瓷" in done.output and "不用" in done.output
    assert list(tmp_path.iterdir()) == [source]
