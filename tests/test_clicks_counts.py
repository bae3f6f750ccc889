"""Counts -> what they tell of two copies; exposure of positions and days; reading an export."""

import csv
import math
from collections.abc import Sequence
from datetime import date
from pathlib import Path

import numpy as np
import pytest

from copygen.errors import InvalidFile, InvalidSetting

from eval.clicks.counts import Arm, by_test, chance_better, make_pairs, merged, shuffled, spread_of
from eval.clicks.export import Row, read_export, read_maps
from eval.clicks.exposure import fit_exposure
from eval.clicks.planted import HEADER, POSITION_DROP, planted_rows

GOOD = ["商品1", "清晨的厨房", "首页", "1", "2026-09-01", "1000", "20"]


def _file(tmp_path: Path, *rows: Sequence[object], header: Sequence[object] = HEADER, encoding: str = "utf-8") -> Path:
    path = tmp_path / "clicks.csv"
    with path.open("w", encoding=encoding, newline="") as out:
        csv.writer(out).writerows([header, *rows])
    return path


def test_chance_better_agrees_with_drawing_from_both_posteriors() -> None:
    a, b, mean, spread = Arm("t", "a", 900, 30), Arm("t", "b", 1500, 36), 0.0275, 0.3
    prior = 1 / spread**2
    random = np.random.default_rng(0)
    draws = [random.gamma(prior + arm.clicks, 1 / (prior / mean + arm.impressions), 400_000) for arm in (a, b)]
    assert chance_better(a, b, mean, spread) == pytest.approx(float((draws[0] > draws[1]).mean()), abs=0.003)
    assert chance_better(a, b, mean, spread) == pytest.approx(1 - chance_better(b, a, mean, spread))


def test_few_impressions_tell_little_and_many_tell_much() -> None:
    (few,) = make_pairs([Arm("t", "a", 10, 1), Arm("t", "b", 10, 0)], spread=0.2)
    (many,) = make_pairs([Arm("t", "a", 100_000, 3000), Arm("t", "b", 100_000, 2000)], spread=0.2)
    assert abs(few.better - 0.5) < 0.1 and not few.told_apart
    assert abs(many.better - 0.5) > 0.49 and many.told_apart


@pytest.mark.parametrize("true", [0.15, 0.4])
def test_spread_is_recovered_from_simulated_tests(true: float) -> None:
    random = np.random.default_rng(3)
    tests = []
    for number in range(600):
        rates = 0.02 * random.gamma(1 / true**2, true**2, 4)
        tests.append([Arm(str(number), str(i), 4000, int(random.poisson(4000 * rate))) for i, rate in enumerate(rates)])
    assert spread_of(tests) == pytest.approx(true, rel=0.12)


def test_rows_of_one_text_are_one_arm_and_tests_need_two_and_a_click() -> None:
    arms = merged([Arm("t", "a  b", 10, 1, day=3), Arm("t", "a b", 20, 2, day=5), Arm("t", "c", 5, 0)])
    assert [(arm.text, arm.impressions, arm.clicks, arm.day) for arm in arms] == [("a b", 30, 3, 5), ("c", 5, 0, 0)]
    lonely = [Arm("u", "a", 9, 1), Arm("v", "a", 9, 0), Arm("v", "b", 9, 0), Arm("w", "a", 9, 1), Arm("w", "b", 0, 0)]
    assert list(by_test([*arms, *lonely])) == ["t"]


def test_shuffling_keeps_each_test_s_counts() -> None:
    arms = [Arm(str(t), str(i), 100 + i, t + i) for t in range(5) for i in range(4)]
    mixed = shuffled(arms, 1)
    for test in map(str, range(5)):
        before, after = ([(a.impressions, a.clicks) for a in side if a.test == test] for side in (arms, mixed))
        assert sorted(before) == sorted(after)
    assert [arm.clicks for arm in arms] != [arm.clicks for arm in mixed]


def test_positions_are_corrected(tmp_path: Path) -> None:
    export = read_export(_file(tmp_path, *planted_rows(40, impressions=8000)))
    assert not export.errors
    found = fit_exposure(export.rows)
    first = found.positions["首页推荐#1"]
    for position in (2, 3, 4):
        drop = math.exp(found.positions[f"首页推荐#{position}"] - first)
        assert drop == pytest.approx(POSITION_DROP ** (position - 1), rel=0.1)


def test_a_copy_that_stood_first_is_not_the_better_for_it() -> None:
    rows = []
    for product in range(30):  # both copies draw alike; 'a' mostly stands first, where twice as many click
        for text, often in (("a", 4000), ("b", 1000)):
            rows.append(Row(0, text, often, often * 4 // 100, str(product), position="1"))
            rows.append(Row(0, text, 5000 - often, (5000 - often) * 2 // 100, str(product), position="2"))
    naive = [arm for row in rows for arm in [Arm(row.product, row.copy, row.impressions, row.clicks)]]
    corrected = fit_exposure(rows).arms(rows)
    gaps = [np.mean([abs(pair.better - 0.5) for pair in make_pairs(arms, spread=0.3)]) for arms in (naive, corrected)]
    assert gaps[0] > 0.4
    assert gaps[1] < 0.1


@pytest.mark.parametrize(
    ("column", "value", "says"),
    [
        ("点击量", "30.5", "column 点击量: '30.5' is no whole number; write it like 1234"),
        ("曝光量", "很多", "column 曝光量: '很多' is no whole number"),
        ("点击量", "2000", "column 点击量: 2000 clicks of 1000 impressions; are the two columns swapped?"),
        ("文案", "", "column 文案: empty; give the copy"),
        ("商品", " ", "column 商品: empty; give the product"),
        ("日期", "2026-13-01", "column 日期: '2026-13-01' is no date; write it like 2026-11-26"),
    ],
)
def test_a_bad_row_names_line_column_and_fix(tmp_path: Path, column: str, value: str, says: str) -> None:
    bad = list(GOOD)
    bad[HEADER.index(column)] = value
    export = read_export(_file(tmp_path, GOOD, bad, GOOD))
    assert [row.line for row in export.rows] == [2, 4]
    (error,) = export.errors
    assert str(error).startswith(f"line 3, {says}")


def test_a_row_of_the_wrong_length_is_named(tmp_path: Path) -> None:
    export = read_export(_file(tmp_path, GOOD[:-1]))
    assert "6 fields, header has 7" in str(export.errors[0])


@pytest.mark.parametrize("encoding", ["utf-8-sig", "gb18030"])
def test_headers_are_guessed_in_both_languages(tmp_path: Path, encoding: str) -> None:
    row = ["一段文案", "1.2万", "1,234", "p", "3", "2026年9月1日", "0.1"]
    header = ["Ad_Text", "展现量(次)", "Clicks", "Item ID", "坑位", "统计日期", "点击率"]
    export = read_export(_file(tmp_path, row, header=header, encoding=encoding))
    assert export.rows == (Row(2, "一段文案", 12000, 1234, "p", "3", "", date(2026, 9, 1).toordinal()),)
    assert export.outcome_columns == ("点击率",)


def test_files_that_cannot_be_read_say_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(InvalidFile, match=r"no column for impressions among: 商品, 文案.*--map COLUMN=impressions"):
        read_export(_file(tmp_path, header=["商品", "文案", "点击"]))
    with pytest.raises(InvalidFile, match="cannot be read"):
        read_export(tmp_path / "absent.csv")
    with pytest.raises(InvalidFile, match="save the sheet as CSV"):
        read_export(tmp_path / "clicks.xlsx")
    (tmp_path / "bad.csv").write_bytes(b"\xff\xff\xff")
    with pytest.raises(InvalidFile, match="save it as CSV UTF-8"):
        read_export(tmp_path / "bad.csv")


def test_a_column_may_be_named(tmp_path: Path) -> None:
    path = _file(tmp_path, ["x", "10", "1", "p"], header=["素材", "曝光", "点击", "商品"])
    assert read_export(path, read_maps(["素材=copy"])).rows[0].copy == "x"
    with pytest.raises(InvalidFile, match="no column 'none'"):
        read_export(path, {"none": "copy"})
    with pytest.raises(InvalidSetting, match="COLUMN=FIELD"):
        read_maps(["素材=nothing"])
