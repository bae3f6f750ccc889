from collections.abc import Callable

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import get_channel
from copygen.finding import Finding
from copygen.limits import check_limits
from copygen.repair import repair

TITLE = "把地铁调成静音"
CORE = (
    "早高峰的地铁里，戴上声悦，耳边先安静下来。降噪深度48dB，续航40小时，入耳式佩戴，"
    "颜色是雾霾蓝，一首接一首地听，肩膀慢慢松开。"
)


def _finding(text: str, fragment: str, *, where: str = "body", fix: str = "", label: str = "absolute_term") -> Finding:
    start = text.index(fragment)
    return Finding(label, where, start, start + len(fragment), fragment, "不行", fix=fix)


def _mend(brief: Brief, copy: AdCopy, *findings: Finding) -> AdCopy:
    return repair(
        copy, findings or check_limits(copy, brief, get_channel(brief.channel)), brief, get_channel(brief.channel)
    )


def test_good_copy_is_left_alone(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title=TITLE, body=CORE + "窗外的站台慢慢往后退。")
    assert _mend(brief(), copy) == copy


def test_warnings_call_for_nothing(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title=TITLE, body=CORE)
    warning = Finding("tone", "body", 0, 3, CORE[:3], "随便", fix="晚高", severity="warning")
    assert _mend(brief(), copy, warning) == copy


def test_too_long_body_loses_its_last_sentence(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(
        title=TITLE, body=CORE + "喜欢的歌响起来，窗外的站台慢慢往后退，像有人把声音一格一格地拧小，心也跟着松开。" * 2
    )
    mended = _mend(brief(), copy)
    assert copy.body.startswith(mended.body)
    assert mended.body.endswith("。")
    assert 60 <= get_channel("discover").fields["body"].measure(mended.body) <= 100


def test_too_long_sentence_loses_its_last_clauses(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(
        body="早上出门，耳边先安静下来，续航40小时，入耳式佩戴，一首接一首地听下去，窗外的站台慢慢往后退，心松开"
    )
    assert _mend(brief("push"), copy).body == "早上出门，耳边先安静下来，续航40小时，入耳式佩戴，一首接一首地听下去。"


def test_too_long_title_is_cut_without_an_end_mark(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title="把地铁调成静音，一路安静到公司楼下", body=CORE + "窗外的站台慢慢往后退。")
    assert _mend(brief(), copy).title == TITLE


def test_what_cannot_be_cut_stays_for_the_checks_to_refuse(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title="静" * 20, body=CORE)
    assert _mend(brief(), copy).title == "静" * 20


def test_wrong_script_is_converted(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title="把地鐵調成靜音", body=CORE.replace("颜色", "顏色") + "窗外的站台慢慢往后退。")
    mended = _mend(brief(), copy)
    assert mended.title == TITLE
    assert "颜色" in mended.body
    assert check_limits(mended, brief(), get_channel("discover")) == []


def test_simplified_copy_becomes_traditional_for_a_traditional_brief(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(body="早上出门，耳边先安静下来，续航40小时，一路听歌。")
    assert _mend(brief("push", lang="zh-Hant"), copy).body == "早上出門，耳邊先安靜下來，續航40小時，一路聽歌。"


def test_fix_replaces_the_fragment_alone(brief: Callable[..., Brief]) -> None:
    body = CORE + "最高级的安静，绝对好听。"
    found = [_finding(body, "最高级", fix="细致"), _finding(body, "绝对", fix="确实")]
    assert _mend(brief(), AdCopy(title=TITLE, body=body), *found).body == CORE + "细致的安静，确实好听。"


@pytest.mark.parametrize(
    ("tail", "fragment", "mended"),
    [
        pytest.param("戴上很稳，全网第一，不会掉。", "全网第一", "戴上很稳，不会掉。", id="clause in the middle"),
        pytest.param("戴上很稳，全网第一。", "全网第一", "戴上很稳。", id="last clause leaves the full stop"),
        pytest.param("全网第一，戴上很稳。", "全网第一", "戴上很稳。", id="first clause"),
        pytest.param("全网第一！", "全网第一", "", id="whole sentence"),
    ],
)
def test_clause_without_a_fix_is_struck_out(brief: Callable[..., Brief], tail: str, fragment: str, mended: str) -> None:
    body = CORE + tail
    assert _mend(brief(), AdCopy(title=TITLE, body=body), _finding(body, fragment)).body == CORE + mended


def test_two_findings_in_one_clause_strike_only_that_clause(brief: Callable[..., Brief]) -> None:
    body = CORE + "全网第一的顶级安静，戴上很稳，不会掉。"
    found = [_finding(body, "全网第一"), _finding(body, "顶级")]
    assert _mend(brief(), AdCopy(title=TITLE, body=body), *found).body == CORE + "戴上很稳，不会掉。"


def test_nothing_is_struck_below_the_minimum(brief: Callable[..., Brief]) -> None:
    body = "全网第一的安静，续航40小时，好听得很。"
    assert _mend(brief("push"), AdCopy(body=body), _finding(body, "全网第一")).body == body


def test_titles_are_never_shortened_by_striking(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(title="全网第一，地铁调成静音", body=CORE)
    assert _mend(brief(), copy, _finding(copy.title, "全网第一", where="title")).title == copy.title


def test_points_with_findings_and_of_wrong_length_are_left_out(brief: Callable[..., Brief]) -> None:
    points = (
        "地铁里戴上就能安静",
        "全网第一的好声音啊",
        "充一次听足40小时",
        "静",
        "入耳式戴着很安稳",
        "充一次听足40小时",
    )
    found = Finding("absolute_term", "points[1]", 0, 4, "全网第一", "不行")
    mended = _mend(brief("guide"), AdCopy(points=points), found)
    assert mended.points == (points[0], points[2], points[4])


def test_points_too_few_to_spare_any_stay(brief: Callable[..., Brief]) -> None:
    points = ("地铁里戴上就能安静", "全网第一的好声音啊", "充一次听足40小时")
    found = Finding("absolute_term", "points[1]", 0, 4, "全网第一", "不行")
    assert _mend(brief("guide"), AdCopy(points=points), found).points == points


def test_too_many_points_are_cut_to_the_most(brief: Callable[..., Brief]) -> None:
    points = tuple(f"第{n}句说的是另一件事" for n in "一二三四五六七")
    assert _mend(brief("guide"), AdCopy(points=points)).points == points[:5]


def test_emoji_over_the_limit_go_from_the_end(brief: Callable[..., Brief]) -> None:
    copy = AdCopy(body="早上出门☀️，耳边先安静下来🎧，续航40小时✨，颜色是雾霾蓝💙，一首接一首听🎵。")
    assert (
        _mend(brief("social"), copy).body == "早上出门☀️，耳边先安静下来🎧，续航40小时✨，颜色是雾霾蓝，一首接一首听。"
    )


def test_what_is_said_twice_is_said_once(brief: Callable[..., Brief]) -> None:
    channel = get_channel("live")
    start = "早高峰的地铁里，戴上声悦，耳边先安静下来，站台慢慢往后退，手里的书翻过一页又一页。"
    rest = (
        "降噪深度48dB，车厢里的说话声淡下去；续航40小时，一周通勤不用惦记充电；"
        "入耳式佩戴，跑着赶车也稳；颜色是雾霾蓝，配灰大衣配牛仔都合适。"
    )
    more = "想听歌的、想躲一会儿清静的，都可以拿去试，喜欢的朋友点下面的链接，我们明天早上地铁里见，带上你的歌单。"
    looping = AdCopy(body=start + rest + "耳边先安静下来，站台慢慢往后退，" * 3 + more)
    mended = _mend(brief("live"), looping)
    assert mended.body.count("站台慢慢往后退") == 1
    assert not [finding for finding in check_limits(mended, brief("live"), channel) if finding.label == "repetition"]


def test_missing_keywords_and_tags_come_from_the_brief(brief: Callable[..., Brief]) -> None:
    channel = get_channel("note")
    asked = brief("note", keywords=["通勤耳机"])
    mended = _mend(asked, AdCopy(title="把地铁调成静音的耳机", body="安静。" * 60))
    assert mended.tags[0] == "通勤耳机"
    assert channel.fields["tags"].min_items is not None
    assert len(mended.tags) >= channel.fields["tags"].min_items
    assert set(mended.tags) <= {"通勤耳机", "真无线耳机", "声悦", "48dB", "40小时", "雾霾蓝", "入耳式"}


def test_a_keyword_finds_room_and_a_short_title_is_named(brief: Callable[..., Brief]) -> None:
    asked = brief(keywords=["地铁通勤"])
    body = CORE.replace("地铁", "车厢") + "窗外的站台慢慢往后退。"
    assert _mend(asked, AdCopy(title="一路安静", body=body)).title == "一路安静｜地铁通勤"
    assert _mend(brief(), AdCopy(title="静音", body=CORE + "站台往后退。")).title == "静音｜真无线耳机"
    full = AdCopy(title="一路都安安静静的车厢早晨", body=body)
    assert _mend(asked, full).body.startswith("地铁通勤，早高峰")


def test_a_sentence_that_breaks_off_is_left_out(brief: Callable[..., Brief]) -> None:
    whole = CORE + "窗外的站台慢慢往后退。"
    assert (
        _mend(
            brief(),
            AdCopy(title=TITLE, body=whole + "喜欢的歌"),
        ).body
        == whole
    )
