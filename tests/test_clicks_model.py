"""The click model: finds a planted rule, finds nothing in noise, keeps its symmetry, says when it cannot tell."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit

from copygen.errors import InvalidFile

from eval.clicks.audit import Audit, audit, near_duplicates
from eval.clicks.counts import Arm, Pair, make_pairs, shuffled
from eval.clicks.design import COLUMNS, differences, text_pairs
from eval.clicks.grams import grams, vectors
from eval.clicks.model import ClickModel, Verdict, fit, fits_needed
from eval.clicks.planted import SIGNAL, planted_rows
from eval.clicks.validity import as_data, as_markdown, calibration_error, measure

REPLICATES = 6


def _arms(products: int, seed: int) -> list[Arm]:
    rows = planted_rows(products, impressions=8000, seed=seed)
    return [Arm(f"{seed}.{row[0]}", str(row[1]), int(str(row[5])), int(str(row[6]))) for row in rows]


@pytest.fixture(scope="module")
def train() -> list[Pair]:
    return make_pairs(_arms(40, 0))


@pytest.fixture(scope="module")
def held_out() -> list[Pair]:
    return make_pairs(_arms(20, 1))


@pytest.fixture(scope="module")
def model(train: list[Pair]) -> ClickModel:
    return fit(train, replicates=REPLICATES)


def test_the_planted_rule_is_found_in_texts_never_seen(model: ClickModel) -> None:
    (verdict,) = model.verdicts([(f"窗台上的花开了，{SIGNAL}", "窗台上的花开了，用久了也不厌")])
    assert verdict.decision == "A"
    assert 0.5 < verdict.low < verdict.probability < verdict.high < 1


def test_it_cannot_tell_what_it_has_never_seen(model: ClickModel) -> None:
    (verdict,) = model.verdicts([("鲸鱼路过礁石", "骆驼停在沙丘")])
    assert verdict.decision == "cannot tell"
    assert verdict.low < 0.5 < verdict.high


def test_the_order_of_the_two_does_not_matter(model: ClickModel, held_out: list[Pair]) -> None:
    there = model.verdicts(text_pairs(held_out))
    back = model.verdicts([(b, a) for a, b in text_pairs(held_out)])
    for one, other in zip(there, back, strict=True):
        assert one.probability == pytest.approx(1 - other.probability)
        assert (one.low, one.high) == pytest.approx((1 - other.high, 1 - other.low))
    (same,) = model.verdicts([("同一句", "同一句")])
    assert (same.probability, same.low, same.high, same.decision) == (0.5, 0.5, 0.5, "cannot tell")


def test_a_wider_interval_decides_less(model: ClickModel, held_out: list[Pair]) -> None:
    decided = [
        sum(v.decision != "cannot tell" for v in replace(model, level=level).verdicts(text_pairs(held_out)))
        for level in (0.5, 0.8, 0.99)
    ]
    assert decided[0] > decided[1] > decided[2]


def test_validity_beats_its_baselines_on_planted_data(
    model: ClickModel, train: list[Pair], held_out: list[Pair]
) -> None:
    found = measure(model, train, held_out, "planted products")
    assert found.accuracy is not None and found.accuracy.low > 0.5
    assert found.accuracy.low > found.baselines["coin"].mean
    assert 0 < found.share_decided < 1
    assert found.audit.shared_products == found.audit.shared_tests == 0
    for told in ("not a CTR", "accuracy 0.", "decided", "calibration error", "n = 120 pairs", "coin", "retrieval"):
        assert told in found.line()
    assert json.loads(json.dumps(as_data(found)))["share_decided"] == found.share_decided
    assert "Leakage audit" in as_markdown(found)


def test_an_accuracy_over_070_is_reported_with_its_audit(
    model: ClickModel, train: list[Pair], held_out: list[Pair]
) -> None:
    found = measure(model, train, held_out, "planted products")
    high = replace(found, accuracy=replace(found.accuracy_forced, mean=0.71))
    usual = replace(found.accuracy_forced, mean=0.69)
    low = replace(found, accuracy=usual, accuracy_told_apart=usual, accuracy_forced=usual)
    assert "Leakage audit (required: an accuracy is over 0.70)" in as_markdown(high)
    assert "Leakage audit (no accuracy is over 0.70)" in as_markdown(low)


def test_nothing_is_found_in_shuffled_labels() -> None:
    noise, unseen = (make_pairs(shuffled(_arms(products, seed), 5)) for products, seed in ((40, 0), (20, 1)))
    found = measure(fit(noise, replicates=REPLICATES), noise, unseen, "shuffled")
    assert found.accuracy_forced.low <= 0.5 <= found.accuracy_forced.high


def test_a_model_without_signal_says_it_cannot_tell(model: ClickModel, held_out: list[Pair]) -> None:
    silent = replace(model, slope=0.0, slope_sd=0.0)
    assert {v.decision for v in silent.verdicts(text_pairs(held_out))} == {"cannot tell"}
    found = measure(silent, held_out, held_out, "x")
    assert found.accuracy is None and "no pair decided" in found.line() and not found.beats_baselines


def test_calibration_error_against_its_closed_form() -> None:
    random = np.random.default_rng(0)
    chance = expit(random.normal(0, 1.0, 40_000))
    won = (random.random(40_000) < chance).astype(float).tolist()

    def verdicts(said: np.ndarray) -> list[Verdict]:
        return [Verdict(float(p), 0, 1, 0) for p in said]

    right, _ = calibration_error(verdicts(chance), won)
    assert right < 0.01
    sure, bins = calibration_error(verdicts(np.where(chance > 0.5, 0.9, 0.1)), won)
    assert sure == pytest.approx(0.9 - float(np.maximum(chance, 1 - chance).mean()), abs=0.01)
    assert sum(size for _, _, size in bins) == 40_000


def test_a_saved_model_says_the_same(model: ClickModel, held_out: list[Pair], tmp_path: Path) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    assert ClickModel.load(path).verdicts(text_pairs(held_out)) == model.verdicts(text_pairs(held_out))


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda text: "{", "not a click model; make one with copygen-eval calibrate"),
        (lambda text: "[]", "not a click model"),
        (lambda text: text.replace(".v1", ".v9"), "calibrate again"),
        (lambda text: text.replace('"refits"', '"other"'), "not a click model"),
    ],
)
def test_a_file_that_is_no_model_is_refused(
    model: ClickModel, tmp_path: Path, change: Callable[[str], str], says: str
) -> None:
    path = tmp_path / "model.json"
    model.save(path)
    path.write_text(change(path.read_text(encoding="utf-8")), encoding="utf-8")
    with pytest.raises(InvalidFile, match=says):
        ClickModel.load(path)


def test_progress_is_counted(train: list[Pair]) -> None:
    calls: list[None] = []
    fit(train[:60], replicates=2, done=lambda: calls.append(None))
    assert len(calls) == fits_needed(2)


def test_grams_are_hashed_alike_in_both_scripts() -> None:
    assert list(grams("降噪")) == list(grams("降噪")) == ["降", "噪", "降噪"]
    assert list(grams("風扇")) == list(grams("风扇"))
    assert set(grams("Hi!")) >= {" h", "hi", " hi ", "!", " !"} - {"!"}
    norms = np.sqrt(vectors(["清晨的厨房", "a few words", ""]).power(2).sum(axis=1)).ravel().tolist()[0]
    assert norms == pytest.approx([1, 1, 0])


def test_a_feature_unscored_for_one_says_nothing_of_the_two() -> None:
    row = differences([("闭眼入的一只杯子", "Just a cup of tea")]).toarray()[0]
    assert row[COLUMNS.index("freshness")] == 0
    assert row[COLUMNS.index("length")] < 0


def test_near_copies_across_the_split_are_found() -> None:
    known = ["清晨的厨房里有光，放在手边正合适", "A Science Guy Helps 3 Dudes Understand What They Are Up Against"]
    asked = [
        "清晨的厨房里有光，放在手边正合适！",
        "a science guy helps 3 dudes understand what they are up against.",
        "骆驼停在沙丘",
    ]
    assert set(near_duplicates(asked, known)) == set(asked[:2])
    assert near_duplicates(asked, []) == ()


def test_the_audit_tells_of_products_and_tests_on_both_sides(train: list[Pair]) -> None:
    found = audit(train, train[:10], ["点击率"])
    assert found.shared_products > 0 and found.shared_tests > 0 and found.verdict.startswith("LEAK")
    assert found.outcome_columns == ("点击率",)


def test_the_audit_asks_to_look_closer_where_texts_or_one_feature_carry_the_figure() -> None:
    fine = Audit(0, 0, ("a",), 100, ("length", 0.6), ())
    assert fine.verdict == "nothing found"
    assert "without them" in replace(fine, held_out_texts=5).verdict
    assert "length alone" in replace(fine, best_single=("length", 0.9)).verdict
