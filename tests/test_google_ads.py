"""Rows of the channel search_ad as ads of Google Ads Editor."""

import csv
from functools import partial
from pathlib import Path

import pytest

from copygen.chat_model import ScriptedModel
from copygen.text import display_width
from copygen.write import WriteOptions

from serving.jobs.batch import write_file, write_rows
from serving.jobs.google_ads import COLUMNS, AdDefaults, AdsTable
from serving.jobs.table_files import LabelledFile
from serving.jobs.table_io import Row
from serving.labels.labeller import open_labeller
from tests.app_client import settings
from tests.live_server import FIRST, RECORD

SEARCH_ADS = [
    "广告标题：\n- 46dB降噪通勤耳机\n- 单耳重量4.2g\n- 续航单次8小时\n"
    "描述：听屿N3，降噪深度46dB，单耳重量4.2g，雾霾蓝、月岩灰两色。",
    "广告标题：\n- 地铁通勤主动降噪\n- 雾霾蓝和月岩灰\n- 含充电盒共36小时\n"
    "描述：听屿N3真无线降噪耳机，续航单次8小时，含充电盒共36小时。",
]
SHOP = {"url": "https://example.com/n3", "campaign": "耳机", "ad_group": "=N3"}


async def _ads(
    folder: Path, *rows: Row, replies: list[str] = SEARCH_ADS, url: str = ""
) -> tuple[list[dict[str, str]], AdsTable]:
    path = folder / "ads.csv"
    ads = LabelledFile(path, partial(AdsTable, defaults=AdDefaults(url=url)))
    outcomes = write_rows(rows, ScriptedModel(replies), options=WriteOptions(extra_candidates=0), concurrency=1)
    labeller = open_labeller(settings(data=folder, provider="某店"))
    seen: list[str] = []
    await write_file(outcomes, folder / "o.jsonl", labeller=labeller, done=lambda r: seen.append(str(r.error)), ads=ads)
    with path.open(encoding="utf-8-sig", newline="") as table:
        reader = csv.DictReader(table)
        found = list(reader)
    assert tuple(reader.fieldnames or ()) == COLUMNS
    assert len(seen) == len(rows)
    return found, ads.table


def _row(number: int, extra: dict[str, str] | None = None, **fields: object) -> Row:
    return Row(number, {**RECORD, "channel": "search_ad", "n": 2, **fields}, extra=SHOP if extra is None else extra)


async def test_all_copies_of_a_row_are_one_ad(tmp_path: Path) -> None:
    (ad,), table = await _ads(tmp_path, _row(2))
    assert (ad["Campaign"], ad["Ad Group"], ad["Final URL"]) == ("耳机", "N3", "https://example.com/n3")
    assert (ad["Ad type"], ad["Status"]) == ("Responsive search ad", "Paused")
    headlines = [ad[f"Headline {i}"] for i in range(1, 16)]
    descriptions = [ad[f"Description {i}"] for i in range(1, 5)]
    assert {"单耳重量4.2g", "地铁通勤主动降噪"} < set(headlines)
    assert sum(map(bool, headlines)) == 6 and headlines[6:] == [""] * 9
    assert sum(map(bool, descriptions)) == 2 and descriptions[2:] == ["", ""]
    assert max(map(display_width, headlines)) <= 30
    assert max(map(display_width, descriptions)) <= 90
    assert (table.written, table.left_out) == (1, {})


async def test_what_a_row_does_not_say_is_filled_in(tmp_path: Path) -> None:
    (ad,), _ = await _ads(tmp_path, _row(2, {}), url="https://shop.example/")
    assert (ad["Campaign"], ad["Final URL"]) == ("copygen", "https://shop.example/")
    assert ad["Ad Group"] == "听屿 N3 真无线降噪耳机"


@pytest.mark.parametrize(
    ("row", "why"),
    [
        pytest.param(_row(2, {}), "no Final URL", id="no page"),
        pytest.param(_row(2, {"url": "javascript:x"}), "no Final URL", id="no web page"),
        pytest.param(_row(2, n=1), "fewer than 2 descriptions", id="one copy"),
    ],
)
async def test_a_row_that_makes_no_ad_is_counted_with_its_reason(tmp_path: Path, row: Row, why: str) -> None:
    found, table = await _ads(tmp_path, row)
    assert found == []
    ((reason, count),) = table.left_out.items()
    assert reason.startswith(why) and count == 1


async def test_other_channels_and_failed_rows_are_no_ads(tmp_path: Path) -> None:
    rows = (_row(2, channel="discover", n=1), _row(3, channel="billboard"), _row(4))
    found, table = await _ads(tmp_path, *rows, replies=[FIRST, *SEARCH_ADS])
    assert len(found) == table.written == 1
    assert not table.left_out


async def test_no_cell_starts_as_a_formula_or_a_command(tmp_path: Path) -> None:
    replies = [reply.replace("续航单次8小时\n", "-8小时续航降噪\n") for reply in SEARCH_ADS]
    (ad,), _ = await _ads(tmp_path, _row(2, {**SHOP, "campaign": "=1+1", "ad_group": "@[]x"}), replies=replies)
    assert (ad["Campaign"], ad["Ad Group"]) == ("1+1", "x")
    assert not any(cell.startswith(("=", "+", "-", "@", "[")) for cell in ad.values())
