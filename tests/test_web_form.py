"""The write form's fields: pairs as typed, rows as sent, and what an empty form lacks."""

from typing import Any

import pytest

from serving.web.form import WriteForm, pair_lines, read_pairs


@pytest.mark.parametrize(
    ("text", "pairs", "bad"),
    [
        pytest.param("续航=40小时", [["续航", "40小时"]], [], id="equals"),
        pytest.param("续航：40小时\n颜色: 蓝", [["续航", "40小时"], ["颜色", "蓝"]], [], id="colons of both widths"),
        pytest.param("续航\t40小时\r\n\n颜色＝蓝", [["续航", "40小时"], ["颜色", "蓝"]], [], id="pasted from a sheet"),
        pytest.param("比例=16:9", [["比例", "16:9"]], [], id="only the first mark divides"),
        pytest.param("很好用\n=40\n续航=", [], ["很好用", "=40", "续航="], id="no pair"),
    ],
)
def test_pairs(text: str, pairs: list[list[str]], bad: list[str]) -> None:
    assert read_pairs(text) == (pairs, bad)


def test_an_empty_form_names_all_it_needs_at_once() -> None:
    problems: dict[str, Any] = WriteForm().check()
    assert {name: problem.code for name, problem in problems.items()} == {
        "name": "name_missing",
        "attributes": "nothing_to_tell",
    }


def test_rows_become_the_attributes_of_their_product() -> None:
    sent = [("name_row", "续航"), ("value_row", "40小时"), ("name_row", ""), ("value_row", "")]
    sent += [("name_row_2", "材质"), ("value_row_2", "羊毛:毡"), ("name_row_9", "x"), ("name", "听屿")]
    form = WriteForm.read(sent)
    assert (form.get("attributes"), form.get("attributes_2"), form.get("name")) == (
        "续航=40小时",
        "材质=羊毛:毡",
        "听屿",
    )
    assert form.rows(0)[:2] == [("续航", "40小时"), ("", "")]


def test_half_a_row_comes_back_as_it_was_typed() -> None:
    form = WriteForm.read([("name_row", "材质"), ("value_row", ""), ("name_row", ""), ("value_row", "羊毛")])
    assert form.rows(0)[:2] == [("材质", ""), ("", "羊毛")]
    assert form.check()["attributes"].code == "not_a_pair"


def test_pairs_survive_being_written_and_read() -> None:
    pairs = [["比例", "16:9"], ["尺寸", "30×40cm"]]
    assert read_pairs(pair_lines((name, value) for name, value in pairs)) == (pairs, [])
