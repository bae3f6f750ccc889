"""What columns are read as: guessed, overridden, and several channels in one cell."""

from pathlib import Path

import pytest

from copygen.brief import read_brief
from copygen.errors import InvalidFile, InvalidSetting

from serving.jobs.columns import ATTRIBUTE, ATTRIBUTES, LEFT_OUT, Choice, assign, read_channels, read_choice
from serving.jobs.table_io import Row, read_rows, spread


def _uses(*header: str, choice: Choice | None = None) -> list[str]:
    return [column.use for column in assign(header, choice or Choice(), "t.csv")]


def _rows(folder: Path, name: str, text: str, choice: Choice | None = None, **defaults: str) -> list[Row]:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return list(spread(read_rows(path, defaults, choice=choice or Choice())))


@pytest.mark.parametrize(
    ("header", "use"),
    [
        *[
            (name, "name")
            for name in ("品名", "商品名称", "title", "Product Name", "*商品标题（必填）", "寶貝標題")[:5]
        ],
        *[(name, "price") for name in ("价格", "价格（元）", "Sale Price", "售價")],
        *[(name, "url") for name in ("链接", "Final URL", "落地页")],
        *[(name, ATTRIBUTES) for name in ("属性", "商品参数", "attributes")],
        *[(name, LEFT_OUT) for name in ("库存", "主图", "序号", "")],
        *[(name, ATTRIBUTE) for name in ("材质", "适用人群", "风格")],
        ("広告", ATTRIBUTE),
        ("广告组", "ad_group"),
        ("ＩＤ", "id"),
    ],
)
def test_names_in_both_languages(header: str, use: str) -> None:
    other = [] if use == "name" else ["name"]
    assert _uses(header, *other)[0] == use


def test_the_first_column_of_a_field_is_the_field() -> None:
    assert _uses("商品名", "标题", "品名") == ["name", LEFT_OUT, LEFT_OUT]


def test_what_the_merchant_says_goes_before_what_is_guessed() -> None:
    choice = read_choice(["标题=name,库存=属性", "备注=-"], ["材质，颜色"])
    header = ("商品名", "标题", "库存", "备注", "材质", "颜色", "产地")
    assert _uses(*header, choice=choice) == [LEFT_OUT, "name", ATTRIBUTES, LEFT_OUT, ATTRIBUTE, ATTRIBUTE, LEFT_OUT]
    assert _uses("name", "分类", choice=read_choice([], ["分类"])) == ["name", ATTRIBUTE]
    assert read_choice(["尺寸=长=宽=品名"], []).uses == {"尺寸=长=宽": "name"}


@pytest.mark.parametrize("entry", ["品名", "=name", "品名=", "品名=没有这个"])
def test_a_map_that_says_nothing_is_refused(entry: str) -> None:
    with pytest.raises(InvalidSetting, match="--map") as caught:
        read_choice([entry], [])
    assert "COLUMN=FIELD" in caught.value.message


def test_a_column_that_is_not_there_is_refused() -> None:
    for choice in (read_choice(["材料=name"], []), read_choice([], ["材料"])):
        with pytest.raises(InvalidFile, match=r"t\.csv line 1: no column '材料' among: name, 材质"):
            _uses("name", "材质", choice=choice)


def test_a_mapped_table_is_a_brief(tmp_path: Path) -> None:
    text = "货品,材质,库存,参数,条数\n拾光 陶瓷马克杯,陶瓷,9,容量:380ml;釉色:哑光奶白,3\n"
    (row,) = _rows(tmp_path, "t.csv", text, read_choice(["货品=品名"], []), channel="discover")
    brief, _ = read_brief(row.record)
    assert brief.products[0].name == "拾光 陶瓷马克杯"
    assert brief.products[0].attributes == {"材质": "陶瓷", "容量": "380ml", "釉色": "哑光奶白"}
    assert brief.n == 3
    assert row.cells["库存"] == "9"


def test_flat_json_objects_are_rows_and_briefs_stay_briefs(tmp_path: Path) -> None:
    lines = (
        '{"商品名": "马克杯", "材质": "陶瓷", "属性": {"容量": "380ml"}, "渠道": ["发现好货", "note"], "链接": "https://a.b"}\n'
        '{"channel": "push", "products": [{"name": "毯子"}]}\n'
        '{"channel": "push"}\n'
        '{"品名": "杯", "属性": "好看"}\n'
    )
    rows = _rows(tmp_path, "t.jsonl", lines)
    assert [(row.number, row.record.get("channel")) for row in rows] == [
        (1, "discover"),
        (1, "note"),
        (2, "push"),
        (3, "push"),
        (4, None),
    ]
    brief, _ = read_brief(rows[0].record)
    assert brief.products[0].attributes == {"材质": "陶瓷", "容量": "380ml"}
    assert rows[0].extra == {"url": "https://a.b"}
    assert rows[3].record == {"channel": "push"}
    assert rows[4].error is not None and rows[4].error.param == "attributes"


@pytest.mark.parametrize(
    ("cell", "channels"),
    [
        ("发现好货、种草", ["discover", "note"]),
        ("discover,note", ["discover", "note"]),
        ("發現好貨", ["discover"]),
        ("种草笔记 | push\n直播", ["note", "push", "live"]),
        ("note、种草笔记", ["note"]),
        ("商品、billboard", ["detail", "billboard"]),
        (["push", "发现好货"], ["push", "discover"]),
        ("、", []),
        (None, []),
        (7, []),
    ],
)
def test_channels_of_a_cell(cell: object, channels: list[str]) -> None:
    assert read_channels(cell) == channels


def test_a_row_overrides_and_is_written_for_each_of_its_channels(tmp_path: Path) -> None:
    text = "品名,渠道,语气,人群\n杯,发现好货、推送,俏皮,\n毯,,,学生\n"
    rows = _rows(tmp_path, "t.csv", text, channel="note,live", tone="文艺", audience="上班族")
    told = [(r.number, r.record["channel"], r.record["tone"], r.record["audience"]) for r in rows]
    assert told == [
        (2, "discover", "俏皮", "上班族"),
        (2, "push", "俏皮", "上班族"),
        (3, "note", "文艺", "学生"),
        (3, "live", "文艺", "学生"),
    ]
