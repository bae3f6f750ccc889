"""Paste to fill: what a product page, a title or a row of a table says lands in the right field."""

from collections.abc import AsyncIterator

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from copygen.chat_model import ScriptedModel
from copygen.graph import builtin_graph

from benchmarks.extract import Tally, compare, load_pages
from serving.app import create_app
from serving.web.extract import extract
from serving.web.page_pairs import split_line
from serving.web.page_price import find_price
from tests.app_client import client_of, settings
from tests.test_serving_web import ATTACK, Page
from tests.test_web_copies import HTMX


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(create_app(ScriptedModel([""]), settings())) as client:
        yield client


def test_labelled_pages_are_read_as_well_as_promised() -> None:
    tally = Tally(0, 0, 0)
    for page in load_pages():
        tally += compare(page, extract(page["text"], builtin_graph()))[0]
    assert (tally.precision >= 0.90, tally.recall >= 0.80) == (True, True), tally


def test_every_label_is_in_its_page() -> None:
    """A label nobody could read off its page would measure nothing."""
    pages = load_pages()
    assert len(pages) == len({page["id"] for page in pages}) == 60
    for page in pages:
        assert page["name"] in page["text"], page["id"]
        assert 250 <= len(page["text"]) <= 800, page["id"]
        for name, value in page["attributes"].items():
            assert value in page["text"], (page["id"], name, value)


def test_a_row_copied_from_a_sheet() -> None:
    found = extract("商品名称\t品牌\t售价\t材质\t库存\n羊毛围巾\t山有棉\t368\t100%羊毛\t20\n", builtin_graph())
    assert (found.name, found.brand, found.price) == ("羊毛围巾", "山有棉", "368元")
    assert found.attributes == {"材质": "100%羊毛"}
    assert not {"name", "brand", "price"} & found.unsure


def test_a_title_alone() -> None:
    found = extract("声悦 Air3 真无线蓝牙耳机 降噪", builtin_graph())
    assert found.name == "声悦 Air3 真无线蓝牙耳机 降噪"
    assert found.brand == "声悦" and "brand" in found.unsure
    assert found.category.endswith("耳机") and "category" in found.unsure


@pytest.mark.parametrize(
    ("line", "pair"),
    [
        pytest.param("价 格 ：79 元", ("价格", "79 元"), id="spread name"),
        pytest.param("功率 Power: 12W", ("功率", "12W"), id="two languages"),
        pytest.param("【材质】 PP+碳钢", ("材质", "PP+碳钢"), id="brackets"),
        pytest.param("• 防水等级：IPX5", ("防水等级", "IPX5"), id="bullet"),
        pytest.param("品牌\t小厨记", ("品牌", "小厨记"), id="tab"),
        pytest.param("比例：16:9", ("比例", "16:9"), id="only the first mark divides"),
        pytest.param("大家好，今天上新", None, id="sentence"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_pairs(line: str, pair: tuple[str, str] | None) -> None:
    assert split_line(line) == pair


@pytest.mark.parametrize(
    ("lines", "price", "sure"),
    [
        pytest.param(["￥699.00  原价899"], "699.00元", True, id="not the price before"),
        pytest.param(["定金100 抵200｜到手 1099"], "1099元", True, id="what is paid in the end"),
        pytest.param(["天猫价 ¥ 279.00  |  券后 ¥ 249.00"], "249.00元", False, id="after the coupon"),
        pytest.param(["满300减40", "店铺券30元"], "", False, id="no price"),
        pytest.param(["容量 5L", "重量 180克"], "", False, id="other quantities"),
        pytest.param(["价格区间 268-298"], "268-298元", True, id="range"),
    ],
)
def test_prices(lines: list[str], price: str, sure: bool) -> None:
    assert find_price(lines) == (price, sure)


@given(st.text(max_size=300))
def test_any_text_is_read_without_failing(text: str) -> None:
    found = extract(text, builtin_graph())
    assert all(name and value for name, value in found.attributes.items())


async def test_the_form_fills_and_marks_what_it_guessed(client: httpx.AsyncClient) -> None:
    text = "声悦 Air3 真无线蓝牙耳机\n￥399\n续航：40小时\n颜色：雾霾蓝"
    for headers in (HTMX, {"Accept": "text/html"}):
        page = (await client.post("/fill", data={"paste": text, "channel": "note"}, headers=headers)).text
        inputs = [(a["name"], a.get("value", "")) for a in Page(page).all("input") if "name" in a]
        assert ("name", "声悦 Air3 真无线蓝牙耳机") in inputs
        assert [v for n, v in inputs if n == "name_row"][:2] == ["续航", "颜色"]
        assert [v for n, v in inputs if n == "value_row"][:2] == ["40小时", "雾霾蓝"]
        assert "请核对" in page
    assert 'value="note" checked' in page  # the rest of the form stays


async def test_what_is_pasted_is_never_markup(client: httpx.AsyncClient) -> None:
    page = (await client.post("/fill", data={"paste": f"商品名称：{ATTACK}\n材质：{ATTACK}"}, headers=HTMX)).text
    assert "<script>alert" not in page
    assert "<img src=x" not in page


async def test_nothing_to_read_is_said(client: httpx.AsyncClient) -> None:
    page = (await client.post("/fill", data={"paste": "。。。"}, headers=HTMX)).text
    assert "没有认出商品资料" in page
