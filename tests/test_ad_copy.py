import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.ad_copy import AdCopy, dump, parse
from copygen.channel import get_channel, load_channels
from copygen.exemplars import load_exemplars

NOTE = AdCopy(title="把地铁调成静音", body="耳边先安静下来。\n歌响起来。", tags=("降噪耳机", "通勤"))
LABELLED = "标题：把地铁调成静音\n正文：耳边先安静下来。\n歌响起来。\n标签：#降噪耳机 #通勤"


@pytest.mark.parametrize(
    "completion",
    [
        pytest.param(LABELLED, id="as asked"),
        pytest.param(f"\n\n  {LABELLED}\n\n", id="blank lines around"),
        pytest.param(f"好的，这是文案：\n\n{LABELLED}", id="chatter before"),
        pytest.param(LABELLED.replace("：", ":"), id="half-width colon"),
        pytest.param(LABELLED.replace("：", " ： "), id="blanks around the colon"),
        pytest.param(
            "**标题：** 把地铁调成静音\n**正文**：耳边先安静下来。\n歌响起来。\n### 标签：#降噪耳机 #通勤",
            id="markdown",
        ),
        pytest.param(
            "【标题】：把地铁调成静音\n【正文】：耳边先安静下来。\n歌响起来。\n【标签】：降噪耳机、通勤", id="brackets"
        ),
        pytest.param(
            "标题：\n把地铁调成静音\n正文：\n耳边先安静下来。\n\n歌响起来。\n标签：\n降噪耳机\n通勤", id="own lines"
        ),
        pytest.param(
            "標題：把地铁调成静音\n正文：耳边先安静下来。\n歌响起来。\n標籤：#降噪耳机 #通勤", id="the other script"
        ),
        pytest.param(
            "标签：#降噪耳机#通勤#通勤\n正文：耳边先安静下来。\n歌响起来。\n标题：把地铁调成静音", id="another order"
        ),
        pytest.param(
            "> 标题：# 把地铁调成静音\n> 正文：耳边先安静下来。\n> 歌响起来。\n> 标签：降噪耳机，通勤", id="quoted"
        ),
    ],
)
def test_parse_is_lenient(completion: str) -> None:
    assert parse(completion, get_channel("note")) == NOTE


@pytest.mark.parametrize("mark", ["- ", "* ", "• ", "1. ", "12、", "3）", "①", "-", ""])
def test_parse_drops_any_list_mark(mark: str) -> None:
    completion = f"卖点：\n{mark}戴上就安静。\n{mark}听足一周；"
    assert parse(completion, get_channel("guide")).points == ("戴上就安静", "听足一周")


@pytest.mark.parametrize(
    ("line", "point"),
    [
        ("- 3.5mm接口直插", "3.5mm接口直插"),
        ("3.5mm接口直插", "3.5mm接口直插"),
        ("1. 3.5mm接口直插", "3.5mm接口直插"),
        ("- -18℃锁鲜", "-18℃锁鲜"),
        ("- 4K屏幕", "4K屏幕"),
    ],
)
def test_parse_leaves_numbers_whole(line: str, point: str) -> None:
    assert parse(f"卖点：\n{line}", get_channel("guide")).points == (point,)


def test_parse_keeps_the_sign_of_a_number_that_opens_a_body() -> None:
    assert parse("-18℃里睡了一夜的鲜。", get_channel("social")).body == "-18℃里睡了一夜的鲜。"


def test_text_without_a_label_belongs_to_an_only_field() -> None:
    assert parse("耳边先安静下来。", get_channel("push")) == AdCopy(body="耳边先安静下来。")
    assert parse("耳边先安静下来。", get_channel("note")) == AdCopy()


def test_what_is_missing_stays_empty() -> None:
    assert parse("正文：耳边先安静下来。", get_channel("discover")) == AdCopy(body="耳边先安静下来。")
    assert parse("", get_channel("note")) == AdCopy()


@pytest.mark.parametrize("channel_id", sorted(load_channels()))
def test_dump_and_parse_are_inverse_on_every_exemplar(channel_id: str) -> None:
    channel = get_channel(channel_id)
    for exemplar in load_exemplars(channel_id):
        assert parse(dump(exemplar.copy_, channel), channel) == exemplar.copy_, exemplar.brief.id


_PIECES = st.sampled_from(
    ["标题：", "正文:", "卖点：", "標籤：", "**", "- ", "1.", "#", "\n", "：", "【", "】", "好", "\u2028", "\x00"]
)


@given(st.one_of(st.text(), st.lists(_PIECES, max_size=30).map("".join)), st.sampled_from(sorted(load_channels())))
def test_parse_never_crashes_and_fills_only_the_fields_of_the_channel(completion: str, channel_id: str) -> None:
    channel = get_channel(channel_id)
    copy = parse(completion, channel)
    assert {name for name, value in copy if value} <= set(channel.fields)
    assert all(point.strip() for point in copy.points)
    assert all(tag and "#" not in tag for tag in copy.tags)


def test_texts_are_named_in_reading_order() -> None:
    copy = AdCopy(title="题", body="文", points=("一", "二"), tags=("签",))
    assert copy.texts() == [
        ("title", "题"),
        ("points[0]", "一"),
        ("points[1]", "二"),
        ("body", "文"),
        ("tags[0]", "签"),
    ]
    assert copy.plain_text() == "题\n一\n二\n文\n签"
    assert AdCopy().texts() == []
