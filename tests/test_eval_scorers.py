from collections.abc import Callable

import pytest
from conftest import GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.ad_copy import AdCopy
from copygen.brief import Brief

from eval.samples import Sample
from eval.scorers import SCORERS, Judged

ALL_TOLD = AdCopy(title=GOOD_TITLE, body=GOOD_BODY)
NONE_TOLD = AdCopy(title=GOOD_TITLE, body="听见了一首老歌。")
REPEATING = "标题：把地铁调成静音\n正文：" + "耳边先安静下来。" * 8


@pytest.fixture
def score(brief: Callable[..., Brief]) -> Callable[..., float | None]:
    def run(name: str, completion: str, reference: AdCopy = ALL_TOLD) -> float | None:
        return SCORERS[name][0](Judged.of(Sample("s", brief(), reference), completion))

    return run


@pytest.mark.parametrize(
    ("name", "completion", "expected"),
    [
        pytest.param("passes_limits", GOOD_COPY, 1.0, id="limits pass"),
        pytest.param("passes_limits", "标题：静\n正文：静", 0.0, id="limits fail"),
        pytest.param("passes_all", GOOD_COPY, 1.0, id="all pass"),
        pytest.param("passes_all", GOOD_COPY.replace("40小时", "99小时"), 0.0, id="all fail"),
        pytest.param("coverage", GOOD_COPY, 1.0, id="coverage full"),
        pytest.param("coverage", "标题：静音\n正文：降噪48dB，颜色雾霾蓝。", 0.5, id="coverage half"),
        pytest.param("coverage", "标题：静音\n正文：安静。", 0.0, id="coverage none"),
        pytest.param("unsupported_numbers", GOOD_COPY, 0.0, id="numbers supported"),
        pytest.param("unsupported_numbers", GOOD_COPY + "重5.2克。", 1.0, id="one number made up"),
        pytest.param("repeated_4grams", GOOD_COPY, 0.0, id="nothing repeated"),
        pytest.param("repeated_4grams", "", 1.0, id="nothing written"),
    ],
)
def test_scorers(score: Callable[..., float | None], name: str, completion: str, expected: float) -> None:
    assert score(name, completion) == pytest.approx(expected)


def test_repeating_copy_scores_high(score: Callable[..., float | None]) -> None:
    value = score("repeated_4grams", REPEATING)
    assert value is not None and 0.8 < value < 1


def test_coverage_is_unscored_where_the_human_tells_nothing(score: Callable[..., float | None]) -> None:
    assert score("coverage", GOOD_COPY, NONE_TOLD) is None


def test_coverage_is_at_most_one(score: Callable[..., float | None]) -> None:
    assert score("coverage", GOOD_COPY, AdCopy(body="降噪48dB。")) == 1.0


def test_a_copy_that_fails_the_limits_fails_all(score: Callable[..., float | None]) -> None:
    for completion in (GOOD_COPY, REPEATING, "", "标题：静\n正文：静"):
        limits, everything = score("passes_limits", completion), score("passes_all", completion)
        assert limits is not None and everything is not None
        assert everything <= limits


def test_copy_is_scored_as_the_model_wrote_it(score: Callable[..., float | None]) -> None:
    assert (
        score(
            "passes_limits", GOOD_COPY + "一首接着一首听下去，肩膀慢慢松开，站台的灯慢慢变成一条线，人声变成远处的海。"
        )
        == 0.0
    )


def test_directions() -> None:
    assert {name: higher for name, (_, higher) in SCORERS.items()} == {
        "passes_limits": True,
        "passes_all": True,
        "coverage": True,
        "unsupported_numbers": False,
        "repeated_4grams": False,
    }
