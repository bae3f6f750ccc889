"""Features of a copy: each tells better from worse, says why in Chinese, and says so when it cannot score."""

import re
from collections.abc import Callable

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief

from eval.features import FEATURES, Score, Subject, score_all

GOOD_BODY = (
    "早高峰的地铁里，戴上声悦，耳边先安静下来。降噪深度48dB，续航40小时，入耳式佩戴，"
    "颜色是雾霾蓝。喜欢的歌响起来，窗外的站台慢慢往后退。"
)
LONG_CLAUSES = "在每一个清晨出门搭乘地铁的时候都可以把它戴上然后安静地听一首喜欢的歌，" * 2


def _score(name: str, body: str, brief: Brief | None = None, **fields: str) -> Score:
    return FEATURES[name].score(Subject(AdCopy(body=body, **fields), brief))


@pytest.mark.parametrize(
    ("name", "better", "worse"),
    [
        ("hook_question", "地铁怎么这么吵？戴上就好。", "戴上这副耳机，周围安静下来。"),
        ("hook_number", "48dB的安静，戴上就有。", "戴上就有的安静，够你听完一首歌。"),
        ("hook_contrast", "不是音乐小声，是地铁太吵。", "地铁里也有属于自己的安静。"),
        ("hook_scene", "早高峰的地铁里，戴上它。", "这一副耳机的样子很是好看。"),
        ("hook_address", "给每天挤地铁的你，一点安静。", "地铁上的一点安静，来自它。"),
        ("concreteness", "地铁里戴4小时，48dB，耳朵不热。", "品质很好，体验出众，感觉非常棒。"),
        ("clause_rhythm", "清晨出门，戴上它。地铁进站的声音远了，歌近了。", LONG_CLAUSES),
        ("common_words", "早上出门戴上它听一首喜欢的歌。", "氤氲氍毹间，饕餮耄耋共觥筹。"),
        ("emotion", "喜欢的歌响起来，心里踏实。", "降噪深度四十八分贝，入耳式。"),
        ("freshness", "耳边先安静下来。", "闭眼入，你值得拥有，尽显品质。"),
        ("offer_clarity", "到手价399元，满300减40。", "超值特惠，优惠多多。"),
        ("compliance", "耳边先安静下来。", "全网第一的降噪，国家级品质。"),
    ],
)  # fmt: skip
def test_a_feature_of_the_text_tells_better_from_worse(name: str, better: str, worse: str) -> None:
    high, low = _score(name, better), _score(name, worse)
    assert high.value is not None and low.value is not None
    assert high.value > low.value
    assert FEATURES[name].verdict(high) == "pass"
    assert FEATURES[name].verdict(low) == "fail"


@pytest.mark.parametrize(
    ("name", "better", "worse", "fields"),
    [
        ("attribute_coverage", "降噪48dB，续航40小时，雾霾蓝。", "声音很好听。", {}),
        ("keyword_coverage", "主动降噪的耳机。", "安静的耳机。", {"keywords": ["降噪"]}),
        ("benefit_framing", "续航40小时，出门一整天不用充电。", "续航：40小时。", {}),
        ("audience_fit", "写给地铁上的通勤人。", "写给所有人。", {"audience": "地铁通勤"}),
        ("phase_fit", "今晚下单，到手399元。", "一副安静的耳机。", {"phase": "爆发"}),
        ("phase_fit", "喜欢的歌响起来。", "最后3小时，马上抢！", {"phase": "种草"}),
        ("length_fit", GOOD_BODY, "好。", {}),
    ],
)  # fmt: skip
def test_a_feature_of_the_brief_tells_better_from_worse(
    brief: Callable[..., Brief], name: str, better: str, worse: str, fields: dict[str, object]
) -> None:
    asked = brief(**fields)
    high, low = (_score(name, body, asked, title="把声音还给早晨").value for body in (better, worse))
    assert high is not None and low is not None
    assert high > low


def test_benefits_of_the_brief_s_facts_count(brief: Callable[..., Brief]) -> None:
    asked = brief(facts=[["入耳式", "优点", "隔开人声"]])
    assert _score("benefit_framing", "入耳式，把人声隔开了人声。", asked).value == 1.0
    assert _score("benefit_framing", "入耳式，颜色好看。", asked).value == 0.0


def test_the_body_takes_up_the_title() -> None:
    kept = _score("consistency", "地铁里戴上，静音模式一开。", title="把地铁调成静音")
    lost = _score("consistency", "配件齐全，送货上门。", title="把地铁调成静音")
    assert kept.value is not None and lost.value is not None
    assert kept.value > 0.5 > lost.value


def test_an_opening_of_the_corpus_is_not_new() -> None:
    worn = _score("novelty", "跑进风里，也听得见车铃")
    assert worn.value is not None and worn.value < 0.3 and "跑进风里" in worn.reason
    fresh = _score("novelty", "鲸鱼路过厨房的第七个星期三")
    assert fresh.value is not None and fresh.value > 0.6


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("attribute_coverage", None), ("keyword_coverage", None), ("benefit_framing", None), ("audience_fit", None),
        ("phase_fit", None), ("length_fit", None), ("fluency", None), ("consistency", None), ("offer_clarity", None),
    ],
)  # fmt: skip
def test_what_is_not_known_is_unscored_and_says_why(name: str, value: None) -> None:
    score = _score(name, "耳边先安静下来。")
    assert score.value is value
    assert score.reason.startswith("未评分：")
    assert FEATURES[name].verdict(score) == "unscored"


def test_english_is_unscored_by_chinese_word_lists() -> None:
    scores = score_all(Subject(AdCopy(body="7 Naps? Why You Should Sleep More")))
    assert scores["hook_number"].value == scores["hook_question"].value == 1.0
    assert all(scores[name].value is None for name in ("emotion", "hook_scene", "freshness", "common_words"))


def test_fluency_follows_the_log_probability() -> None:
    likely, unlikely = (
        FEATURES["fluency"].score(Subject(AdCopy(body="安静。"), mean_logprob=p)).value for p in (-0.8, -3.0)
    )
    assert likely is not None and unlikely is not None
    assert likely > 0.5 > unlikely


@pytest.mark.parametrize("body", ["", " ", "。。。", "😀", "a", "你", "1" * 500, "字" * 2000])
def test_no_text_breaks_a_feature(brief: Callable[..., Brief], body: str) -> None:
    for subject in (Subject(AdCopy(body=body)), Subject(AdCopy(title=body, body=body), brief(), mean_logprob=-1.0)):
        for name, score in score_all(subject).items():
            assert score.value is None or 0 <= score.value <= 1, name
            assert re.search(r"[\u3400-\u9fff]", score.reason), name
