"""calibrate and predict as an analyst types them, on a planted shop; the prior; the benchmark's split."""

import csv
import json
from pathlib import Path

import pytest
from pyarrow import Table, parquet
from typer.testing import CliRunner

from copygen.ad_copy import AdCopy
from copygen.errors import InvalidFile

from benchmarks.clicks import groups, read_archive, split
from eval.cli import app
from eval.clicks import prior
from eval.clicks.calibrate import calibrate
from eval.clicks.export import Row, read_export
from eval.clicks.planted import HEADER, SIGNAL, planted_rows
from eval.features import FEATURES, Subject, score_all

RUNNER = CliRunner()


def _export(path: Path, products: int, *extra: list[object]) -> Path:
    with path.open("w", encoding="utf-8", newline="") as out:
        csv.writer(out).writerows([HEADER, *planted_rows(products, impressions=8000), *extra])
    return path


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("shop")
    bad: list[object] = ["商品0", "一句", "首页推荐", 1, "2026-09-01", 10, 11]
    path = _export(folder / "clicks.csv", 24, bad)
    result = RUNNER.invoke(app, ["calibrate", str(path), "-o", str(folder / "model.json")])
    assert result.exit_code == 0, result.output
    (folder / "said.txt").write_text(result.output, encoding="utf-8")
    return folder


def test_calibrate_says_what_it_learnt_and_what_it_left_out(shop: Path) -> None:
    said = (shop / "said.txt").read_text(encoding="utf-8")
    assert (
        "clicks.csv line 770, column 点击量: 11 clicks of 10 impressions; are the two columns swapped?; left out"
        in said
    )
    assert "held out: 6 of 24 products" in said
    assert "not a CTR" in said and "% decided" in said and "retrieval" in said
    report = json.loads((shop / "model.validity.json").read_text(encoding="utf-8"))
    assert report["rows_left_out"] == 1 and report["errors"][0]["line"] == 770
    assert report["validity"][0]["audit"]["shared_products"] == 0
    text = (shop / "model.validity.md").read_text(encoding="utf-8")
    assert "Leakage audit" in text and "首页推荐#4" in text


def test_predict_decides_and_cannot_tell(shop: Path) -> None:
    model = str(shop / "model.json")
    sure = RUNNER.invoke(app, ["predict", model, "--a", f"雨停了，{SIGNAL}", "--b", "雨停了，用久了也不厌"])
    assert sure.exit_code == 0 and sure.output.startswith("A: P(A beats B) = 0.")
    assert "held out" in sure.output and "not a CTR" in sure.output
    unsure = RUNNER.invoke(app, ["predict", model, "--a", "鲸鱼", "--b", "骆驼", "--json"])
    data = json.loads(unsure.output)
    assert data["decision"] == "cannot tell"
    assert data["interval"][0] <= 0.5 <= data["interval"][1]
    assert data["a"].keys() == FEATURES.keys()


def test_the_prior_speaks_without_a_model_and_says_it_is_one(tmp_path: Path) -> None:
    result = RUNNER.invoke(app, ["predict", "--a", "清晨的厨房，水48度刚好", "--b", "闭眼入，值得拥有，尽显品质"])
    assert result.exit_code == 0
    assert "not measured on clicks" in result.output and "not a CTR" in result.output
    record = {
        "channel": "discover",
        "products": [{"name": "保温杯", "attributes": {"容量": "480ml", "材质": "316不锈钢"}}],
    }
    (tmp_path / "brief.json").write_text(json.dumps(record), encoding="utf-8")
    told = RUNNER.invoke(
        app,
        [
            "predict",
            "--a",
            "480ml刚好装得下一壶",
            "--b",
            "一只好看的杯子",
            "--json",
            "--brief",
            str(tmp_path / "brief.json"),
        ],
    )
    assert json.loads(told.output)["a"]["attribute_coverage"]["value"] == 0.5


def test_failures_are_one_line(shop: Path, tmp_path: Path) -> None:
    for arguments, says in (
        (["calibrate", str(tmp_path / "none.csv")], "cannot be read"),
        (["calibrate", str(_export(tmp_path / "few.csv", 5))], "at least 12 are needed"),
        (["predict", str(shop / "clicks.csv"), "--a", "x", "--b", "y"], "not a click model"),
        (["predict", "--a", "x", "--b", "y", "--brief", str(shop / "clicks.csv")], "not a JSON record"),
    ):
        result = RUNNER.invoke(app, arguments)
        assert result.exit_code == 2
        assert says in result.output and "Traceback" not in result.output


def test_no_held_out_product_was_trained_on_and_days_are_later(tmp_path: Path) -> None:
    export = read_export(_export(tmp_path / "clicks.csv", 20))
    found = calibrate(export, "clicks.csv", replicates=2)
    assert [validity.split.split(",")[0] for validity in found.validities] == ["5 of 20 products", "the same products"]
    assert all(validity.audit.shared_products == 0 for validity in found.validities)


def test_an_export_without_dates_is_said_not_to_be_measured_on_later_days(tmp_path: Path) -> None:
    export = read_export(_export(tmp_path / "clicks.csv", 20))
    rows = tuple(Row(r.line, r.copy, r.impressions, r.clicks, r.product, r.position, r.slot) for r in export.rows)
    found = calibrate(type(export)(rows, (), export.columns, ()), "clicks.csv", replicates=2)
    assert len(found.validities) == 1
    assert found.notes == ("no dates in the export: not measured on later days",)
    with pytest.raises(InvalidFile, match="0 products with two copies"):
        calibrate(type(export)(rows[:1], (), export.columns, ()), "clicks.csv")


def test_the_prior_is_symmetric_and_leaves_out_what_is_unscored() -> None:
    a, b = (score_all(Subject(AdCopy(body=text))) for text in ("清晨的厨房，水48度刚好", "闭眼入，值得拥有"))
    there, parts = prior.compare(a, b)
    back, _ = prior.compare(b, a)
    assert there.probability == pytest.approx(1 - back.probability)
    assert there.probability > 0.5
    assert {part.name for part in parts}.isdisjoint({"fluency", "attribute_coverage", "length_fit"})
    assert prior.compare(a, a)[0].decision == "cannot tell"
    assert all(weight.sd > 0 and weight.reason for weight in prior.WEIGHTS.values())


def test_the_archive_is_split_by_tests_and_those_that_share_a_headline_stay_together(tmp_path: Path) -> None:
    tests = {f"t{i}": [f"Headline {i} a", f"Headline {i} b"] for i in range(50)} | {"again": ["HEADLINE 7 a!", "New"]}
    rows = [(test, text, 100, 3) for test, texts in tests.items() for text in texts] * 2
    columns = ("clickability_test_id", "headline", "impressions", "clicks")
    path = tmp_path / "archive.parquet"
    parquet.write_table(Table.from_pydict(dict(zip(columns, map(list, zip(*rows, strict=True)), strict=True))), path)
    arms = read_archive(path)
    assert len(arms) == 102 and {arm.impressions for arm in arms} == {200}
    sides = split(arms)
    owners = {arm.test: side for side, members in sides.items() for arm in members}
    assert owners["again"] == owners["t7"]
    assert [len(members) // 2 for members in sides.values()][1:] == [10, 10]
    assert groups({"a": ["x"], "b": ["x", "y"], "c": ["y"], "d": ["z"]}).keys() == {"a", "b", "c", "d"}
