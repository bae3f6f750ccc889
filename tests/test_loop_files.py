"""`copygen events import` and `pairs`, `copygen experiment`: reports in, preference pairs out, figures on screen."""

import json
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_TITLE
from typer.testing import CliRunner
from xlsxwriter import Workbook

from copygen.ad_copy import AdCopy
from copygen.brief import read_brief
from copygen.errors import InvalidFile, InvalidSetting

from serving.cli import app
from serving.jobs.file_label import sidecar_of
from serving.loop.event import SHOP_ZONE, DayCount
from serving.loop.experiment import Shown, dump_record
from serving.loop.loop import Loop, open_loop
from serving.loop.pairs import compare
from serving.loop.traffic_file import read_traffic
from serving.settings import Settings

RECORD = {"channel": "discover", "id": "sku-1", "products": [EARBUDS]}
A = Shown("a", AdCopy(title=GOOD_TITLE, body=GOOD_BODY), True)
B = Shown("b", AdCopy(title="四十小时不断电", body=GOOD_BODY), True)
TABLE = (
    "【生意参谋】推广明细\n店铺：声悦旗舰店,,,,\n"
    "统计日期,创意ID,资源位,展现量,点击量,点击率,商品加购件数,支付件数\n"
    '2026-11-20,a,首页,"12,345",321,2.60%,-,3\n'
    "2026/11/21,a,首页,1.2万,300,2.50%,11,--\n"
    "20261121,b,首页,50,4,8%,0,0\n20261121,b,首页,50,1,2%,0,0\n"
)


@pytest.fixture
def loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Loop:
    """The loop that the commands see."""
    monkeypatch.setenv("COPYGEN_DATA", str(tmp_path / "data"))
    return open_loop(Settings(data=tmp_path / "data"))


def run(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, arguments, env={"COLUMNS": "200"})
    assert result.exit_code == code, result.output
    return " ".join(result.output.split())


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_a_report_is_read_whatever_stands_above_it(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "report.csv"
    path.write_text(TABLE, encoding=encoding)
    report = read_traffic(path)
    assert report.problems == []
    assert report.counts == [
        DayCount("a", "首页", "2026-11-20", 12_345, 321, 0, 3),
        DayCount("a", "首页", "2026-11-21", 12_000, 300, 11, 0),
        DayCount("b", "首页", "2026-11-21", 100, 5, 0, 0),
    ]
    assert report.columns["展现量"] == "impression" and report.columns["点击率"] == "-"


def test_a_sheet_of_jd_s_kind_and_names_that_have_to_be_said(tmp_path: Path) -> None:
    path = tmp_path / "report.xlsx"
    with Workbook(str(path)) as book:
        sheet = book.add_worksheet()
        day = book.add_format({"num_format": "yyyy-mm-dd"})
        sheet.write_row(0, 0, ["日期", "素材编号", "曝光数", "点击数", "总订单行"])
        sheet.write_datetime(1, 0, datetime(2026, 11, 20), day)
        sheet.write_row(1, 1, ["a", 1000, 25, 2])
    with pytest.raises(InvalidFile, match="no column for the copy"):
        read_traffic(path)
    with pytest.raises(InvalidFile, match="--slot"):
        read_traffic(path, maps=["素材编号=copy"])
    report = read_traffic(path, maps=["素材编号=copy"], slot="推荐")
    assert report.counts == [DayCount("a", "推荐", "2026-11-20", 1000, 25, 0, 2)]
    with pytest.raises(InvalidFile, match="no column '没有'"):
        read_traffic(path, maps=["没有=copy"], slot="推荐")
    with pytest.raises(InvalidSetting, match="COLUMN=USE"):
        read_traffic(path, maps=["点击数"], slot="推荐")


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [("a.csv", "日期,点击量\n", "no header"), ("a.doc", "", "unknown ending"), ("b.csv", "", "no header")],
)
def test_a_file_that_is_no_report_is_said_to_be_none(tmp_path: Path, name: str, text: str, says: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    with pytest.raises(InvalidFile, match=says):
        read_traffic(tmp_path / name)


def test_an_import_counts_once_and_says_what_it_could_not_read(tmp_path: Path, loop: Loop) -> None:
    path = tmp_path / "report.csv"
    path.write_text(TABLE + "2026-11-20 ~ 2026-11-26,a,首页,1,1,,,\n2026-11-22,a,首页,许多,1,,,\n", encoding="utf-8")
    assert "3 条" in run("events", "import", str(path), "--dry-run", code=1)
    with closing(loop):
        assert loop.events.counts() == []
        for _ in range(2):
            said = run("events", "import", str(path), code=1)
        assert "report.csv line 8: '2026-11-20 ~ 2026-11-26' is not one day" in said
        assert "report.csv line 9: impression is '许多'" in said
        assert "曝光 24,445" in said
        assert sum(count.impression for count in loop.events.counts()) == 24_445


def test_a_product_stands_for_the_copy_that_was_live(tmp_path: Path, loop: Loop) -> None:
    start = datetime(2026, 11, 10, tzinfo=SHOP_ZONE)
    with closing(loop):
        loop.published.publish(A, RECORD, "首页", start, start + timedelta(days=5))
        loop.published.publish(B, RECORD, "首页", start + timedelta(days=5, hours=1))
        path = tmp_path / "r.csv"
        path.write_text(
            "日期,商品ID,展现量,点击量\n2026-11-12,sku-1,100,2\n2026-11-16,sku-1,100,3\n2026-11-09,sku-1,9,9\n"
            f"2026-11-12,{EARBUDS['name']},10,1\n",
            encoding="utf-8",
        )
        said = run("events", "import", str(path), "--slot", "首页", code=1)
        assert "line 4: product 'sku-1': not exactly one published copy in '首页' on 2026-11-09" in said
        found = {(count.copy_id, count.day): count.impression for count in loop.events.counts()}
        assert found == {("a", "2026-11-12"): 110, ("b", "2026-11-16"): 100}


def days(*figures: tuple[int, int, int, int]) -> list[DayCount]:
    """(impressions, clicks) of a, then of b, day by day."""
    return [
        count
        for day, (na, ca, nb, cb) in enumerate(figures, 1)
        for count in (DayCount("a", "s", f"2026-11-{day:02}", na, ca), DayCount("b", "s", f"2026-11-{day:02}", nb, cb))
        if count.impression
    ]


def test_a_pair_is_compared_day_by_day() -> None:
    plain = compare(A, B, RECORD, "s", days((1_000, 20, 1_000, 40)))
    assert plain is not None and (plain.chosen, plain.rejected) == (B, A)
    assert plain.confidence > 0.99 and plain.weight == pytest.approx(2 * plain.confidence - 1)
    assert (plain.impressions, plain.clicks) == ((1_000, 1_000), (40, 20))
    # b is shown mostly on the good day: its sums are better, each of its days is worse.
    fooled = compare(A, B, RECORD, "s", days((9_000, 90, 1_000, 8), (1_000, 100, 9_000, 800)))
    assert fooled is not None and fooled.chosen == A
    assert 800 / 9_000 > 190 / 10_000
    apart = compare(A, B, RECORD, "s", days((1_000, 20, 0, 0), (0, 0, 1_000, 90)))
    assert apart is None  # never shown on one day
    assert compare(A, B, RECORD, "s", days((100, 1, 100, 3))) is None
    never = compare(A, B, RECORD, "s", days((100, 0, 100, 30), (100, 0, 100, 30)))
    assert never is not None and never.chosen == B and never.confidence > 0.99


def test_pairs_leave_as_a_labelled_file_that_finetuning_can_read(tmp_path: Path, loop: Loop) -> None:
    with closing(loop):
        loop.experiments.begin(
            [A, B], name="", product=str(EARBUDS["name"]), brief=dump_record(RECORD), slot="s", base_rate=0.02
        )
        loop.published.publish(Shown("c", AdCopy(title="雾霾蓝"), True), RECORD, "s", datetime.now(UTC))
        loop.events.set_counts([*days((2_000, 30, 2_000, 90)), DayCount("c", "s", "2026-11-01", 2_000, 31)])
        target = tmp_path / "pairs.jsonl"
        assert "2 pairs" in run("events", "pairs", "-o", str(target))
        pairs = [json.loads(line) for line in target.read_text(encoding="utf-8").splitlines()]
        assert {(pair["chosen_id"], pair["rejected_id"]) for pair in pairs} == {("b", "a"), ("b", "c")}
        assert read_brief(pairs[0]["brief"])[0].products[0].name == EARBUDS["name"]
        assert AdCopy.model_validate(pairs[0]["chosen"]) == B.copy
        assert 0.8 <= pairs[0]["weight"] <= 1
        label = json.loads(sidecar_of(target).read_text(encoding="utf-8"))
        assert label["ai_label"] and label["AIGC"]["ProduceID"]
        assert "3 pairs" in run("events", "pairs", "-o", str(target), "--confidence", "0.5")


def test_experiments_on_the_screen(loop: Loop) -> None:
    with closing(loop):
        one = loop.experiments.begin(
            [A, B], name="标题", product=str(EARBUDS["name"]), brief=dump_record(RECORD), slot="s", base_rate=0.02
        )
    assert one.id in run("experiment", "list")
    assert "结论：继续" in run("experiment", "show", one.id)
    assert json.loads(run("experiment", "show", one.id, "--json"))["verdict"] == "continue"
    assert "unknown_experiment" in run("experiment", "show", "exp-0", code=2)


def test_a_simulation_says_what_a_shop_can_find() -> None:
    flags = ("--impressions", "4000", "--ctr", "0.03", "--days", "20", "--runs", "100")
    found = json.loads(run("experiment", "simulate", *flags, "--lift", "0.05", "--lift", "0.5", "--json"))
    small, large = found["lifts"]
    assert small["power"] < 0.5 < 0.95 < large["power"] and large["median_days"] < 10
    assert found["false_alarms"] <= 0.1 and 0.1 < found["smallest_lift"] < 0.4
    assert "最小提升" in run("experiment", "simulate", *flags)
