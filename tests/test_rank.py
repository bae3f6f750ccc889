from collections.abc import Callable

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.rank import rank_score, told_attributes

PLAIN = AdCopy(title="一副耳机", body="声音好听，做工不错。")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("降噪48dB，戴着安静。", ["降噪深度"]),
        ("续航40小时，颜色是雾霾蓝。", ["续航", "颜色"]),
        ("續航40小時，顏色是霧霾藍。", ["续航", "颜色"]),
        ("只要399，入耳式。", ["佩戴", "price"]),
        ("续航很久。", []),
        ("续航140小时。", ["续航"]),
    ],
)
def test_told_attributes(brief: Callable[..., Brief], body: str, told: list[str]) -> None:
    assert sorted(told_attributes(AdCopy(body=body), brief())) == sorted(told)


def test_a_telling_part_of_a_value_is_enough(brief: Callable[..., Brief]) -> None:
    asked = brief(attributes={"材质": "莱赛尔、羊毛（20%）", "口袋": "两侧口袋"})
    assert told_attributes(AdCopy(body="莱赛尔垂得服帖。"), asked) == ["材质"]


@pytest.mark.parametrize(
    ("feature", "better", "worse", "fields"),
    [
        pytest.param("coverage", "降噪48dB，续航40小时。", "降噪48dB，好听。", {}, id="coverage"),
        pytest.param("hook", "你的地铁怎么这么吵？", "这是一款真无线的耳机。", {}, id="hook"),
        pytest.param("freshness", "声音好听。", "闭眼入，值得拥有。", {}, id="freshness"),
        pytest.param("concreteness", "地铁里48dB，窗外下雨。", "非常非常好听的声音呀。", {}, id="concreteness"),
        pytest.param("fit", "写给坐地铁的你。", "写给所有的人。", {"audience": "地铁通勤族"}, id="fit"),
    ],
)
def test_each_feature_tells_better_from_worse(
    brief: Callable[..., Brief], feature: str, better: str, worse: str, fields: dict[str, object]
) -> None:
    asked = brief(**fields)
    high, low = (rank_score(AdCopy(body=body), asked) for body in (better, worse))
    assert high.features[feature] > low.features[feature]


def test_scores_stay_in_range_and_say_why(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(
        title="你的地铁怎么这么吵？", body="48dB降噪，40小时续航，雾霾蓝，399元，不仅值得拥有，窗外下雨也不怕。"
    )
    score = rank_score(copy, brief(audience="地铁通勤族"))
    assert all(0 <= value <= 1 for value in [score.value, *score.features.values()])
    assert any(reason.startswith("写到") for reason in score.reasons)
    assert "提问开头" in score.reasons
    assert any("值得拥有" in reason for reason in score.reasons)
    assert rank_score(PLAIN, brief()).value < score.value


def test_look_alike_openings_fall_behind(brief: Callable[..., Brief]) -> None:
    alone = rank_score(PLAIN, brief())
    assert rank_score(PLAIN, brief(), [AdCopy(title="一副耳机", body="声音很好。")]).value < alone.value
    assert rank_score(PLAIN, brief(), [AdCopy(title="另一副", body="声音很好。")]).value == alone.value


def test_product_without_attributes_can_be_scored(brief: Callable[..., Brief]) -> None:
    assert 0 <= rank_score(AdCopy(), brief(attributes={}, product={"price": ""})).value <= 1


def test_what_the_model_itself_finds_unlikely_falls_behind(brief: Callable[..., Brief]) -> None:
    likely, unlikely = (rank_score(PLAIN, brief(), mean_logprob=logprob) for logprob in (-0.8, -3.0))
    assert likely.value > unlikely.value
    assert "fluency" not in rank_score(PLAIN, brief()).features
    assert all(0 <= rank_score(PLAIN, brief(), mean_logprob=x).value <= 1 for x in (0.0, -1e3, -1.6))
