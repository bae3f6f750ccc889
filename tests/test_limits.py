from collections.abc import Callable

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import get_channel, load_channels
from copygen.exemplars import load_exemplars
from copygen.finding import errors
from copygen.limits import check_limits

TITLE = "把地铁调成静音"
BODY = (
    "早高峰的地铁里，戴上声悦，耳边先安静下来。降噪深度48dB，续航40小时，入耳式佩戴，"
    "颜色是雾霾蓝。喜欢的歌响起来，窗外的站台慢慢往后退。"
)
GOOD = AdCopy(title=TITLE, body=BODY)


def _but(**fields: object) -> AdCopy:
    return GOOD.model_copy(update=fields)


@pytest.mark.parametrize(
    ("label", "where", "passing", "failing", "fields"),
    [
        pytest.param("missing_field", "title", GOOD, _but(title=""), {}, id="missing_field"),
        pytest.param("length", "title", GOOD, _but(title="静音"), {}, id="too short"),
        pytest.param("length", "title", _but(title="静" * 14), _but(title="静" * 15), {}, id="too long"),
        pytest.param(
            "length",
            "body",
            _but(body="".join(map(chr, range(0x4E00, 0x4E3C)))),
            _but(body="短。"),
            {},
            id="short body",
        ),
        pytest.param(
            "repetition", "body", GOOD, _but(body="先看茶，看茶，" * 9 + "看茶。"), {}, id="going round in circles"
        ),
        pytest.param("debris", "body", GOOD, _but(body=BODY + "**"), {}, id="markdown"),
        pytest.param("debris", "body", GOOD, _but(body=BODY + "https://a.cn"), {}, id="link"),
        pytest.param("debris", "body", _but(body=BODY[:-1] + "！"), _but(body=BODY[:-1] + "！！！"), {}, id="shouting"),
        pytest.param(
            "debris", "title", _but(title="慢慢来…先安静"), _but(title="【广告】把地铁静音"), {}, id="brackets"
        ),
        pytest.param("debris", "body", GOOD, _but(body="根据商品信息，" + BODY), {}, id="talk of the task"),
        pytest.param("script", "body", GOOD, _but(body=BODY.replace("颜色", "顏色")), {}, id="script"),
        pytest.param(
            "script",
            "body",
            _but(body=BODY.replace("雾霾", "霧霾")),
            _but(body=BODY.replace("颜色", "顏色")),
            {"attributes": {"颜色": "霧霾蓝", "续航": "40小时"}},
            id="script of a given name",
        ),
        pytest.param(
            "missing_keyword",
            "body",
            GOOD,
            _but(body=BODY.replace("地铁", "车厢"), title="一路都安静"),
            {"keywords": ["地铁"]},
            id="missing_keyword",
        ),
        pytest.param("avoided_word", "body", GOOD, _but(body=BODY + "奢华"), {"avoid": ["奢华"]}, id="avoided_word"),
        pytest.param(
            "avoided_word", "title", GOOD, _but(title="奢华的安静时刻"), {"avoid": ["奢华"]}, id="avoided in title"
        ),
        pytest.param("repetition", "body", GOOD, _but(body=BODY[:62] + "耳边先安静下来。"), {}, id="clause twice"),
        pytest.param(
            "repetition", "body", _but(title="耳边先静下来"), _but(title="耳边先安静下来"), {}, id="title said again"
        ),
        pytest.param(
            "repetition",
            "body",
            _but(body=BODY[:50] + "声悦 Air3 真无线降噪耳机，声悦 Air3 真无线降噪耳机。"),
            _but(body="好喜欢窗外慢慢退后的站台声音，" + BODY[:45] + "再看窗外慢慢退后的站台声响。"),
            {},
            id="run within other clauses; names are exempt",
        ),
        pytest.param("emoji", "body", GOOD, _but(body=BODY + "🎧"), {}, id="emoji"),
    ],
)
def test_each_limit_has_a_passing_and_a_failing_copy(
    brief: Callable[..., Brief],
    label: str,
    where: str,
    passing: AdCopy,
    failing: AdCopy,
    fields: dict[str, object],
) -> None:
    channel, asked = get_channel("discover"), brief(**fields)
    assert not [finding for finding in check_limits(passing, asked, channel) if finding.label == label]
    found = [finding for finding in check_limits(failing, asked, channel) if finding.label == label]
    assert found
    assert found[0].where == where
    assert found[0].severity == "error"
    assert all(char for char in found[0].reason)


def test_good_copy_has_no_finding(brief: Callable[..., Brief]) -> None:
    assert check_limits(GOOD, brief(), get_channel("discover")) == []


def test_unfinished_body_is_a_warning(brief: Callable[..., Brief]) -> None:
    (finding,) = check_limits(_but(body=BODY[:-1]), brief(), get_channel("discover"))
    assert (finding.label, finding.severity, finding.text) == ("unfinished", "warning", "退")


@pytest.mark.parametrize(
    ("points", "found"),
    [
        (("地铁里戴上就能安静", "充一次听足40小时", "入耳式戴着很安稳"), []),
        (("地铁里戴上就能安静", "充一次听足40小时"), [("length", "points")]),
        ((), [("missing_field", "points")]),
        (("地铁里戴上就能安静", "充一次听足40小时", "安静"), [("length", "points[2]")]),
        (tuple(f"第{n}句说的是另一件事" for n in "一二三四五六"), [("length", "points")]),
    ],
)
def test_lists_are_counted_and_each_item_measured(
    brief: Callable[..., Brief], points: tuple[str, ...], found: list[tuple[str, str]]
) -> None:
    findings = check_limits(AdCopy(points=points), brief("guide"), get_channel("guide"))
    assert [(finding.label, finding.where) for finding in findings] == found


def test_width_counts_in_search_ads(brief: Callable[..., Brief]) -> None:
    channel = get_channel("search_ad")
    points = ("降噪耳机，地铁安静", "充一次听足40小时", "入耳式戴着很安稳")
    text = "".join(map(chr, range(0x4E00, 0x4E00 + 45)))  # 45 different characters, 90 columns
    fitting = AdCopy(points=points, body=text)
    wide = AdCopy(points=points, body=f"{text}a")
    found = [
        [f.label for f in check_limits(copy, brief("search_ad"), channel) if f.label == "length"]
        for copy in (fitting, wide)
    ]
    assert found == [[], ["length"]]


def test_traditional_brief_takes_traditional_copy(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(body="早上出門，耳邊先安靜下來，續航40小時，一路聽歌。")
    assert check_limits(copy, brief("push", lang="zh-Hant"), get_channel("push")) == []
    assert "script" in {f.label for f in check_limits(copy, brief("push"), get_channel("push"))}


@pytest.mark.parametrize("channel_id", sorted(load_channels()))
def test_every_human_exemplar_passes(channel_id: str) -> None:
    channel = get_channel(channel_id)
    failing = {
        exemplar.brief.id: found
        for exemplar in load_exemplars(channel_id)
        if (found := errors(check_limits(exemplar.copy_, exemplar.brief, channel)))
    }
    assert failing == {}


def test_spans_slice_to_the_fragment(brief: Callable[..., Brief]) -> None:
    copy = _but(body="**" + BODY.replace("颜色", "顏色") + "奢华！！！耳边先安静下来。", title="【静】" + TITLE)
    findings = check_limits(copy, brief(avoid=["奢华"]), get_channel("discover"))
    assert {"debris", "script", "avoided_word", "repetition"} <= {finding.label for finding in findings}
    texts = dict(copy.texts())
    for finding in findings:
        if finding.end:
            assert texts[finding.where][finding.start : finding.end] == finding.text
