import json
from collections.abc import Callable
from pathlib import Path

import pytest

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.channel import load_channels
from copygen.errors import PromptDataError
from copygen.exemplars import load_exemplars, pick_exemplars


def _record(name: str, **fields: object) -> dict[str, object]:
    return {
        "id": name,
        "channel": "push",
        "tone": "俏皮",
        "industry": "数码影音",
        "products": [{"name": name, "category": "耳机", "attributes": {"颜色": "蓝"}}],
        "copy": {"title": "", "body": f"{name}到了", "points": [], "tags": []},
        **fields,
    }


def _write(folder: Path, *records: object) -> Path:
    """A prompts folder with these exemplars of push; returns the folder."""
    (folder / "exemplars").mkdir()
    lines = (record if isinstance(record, str) else json.dumps(record, ensure_ascii=False) for record in records)
    (folder / "exemplars" / "push.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def test_every_channel_of_the_corpus_has_exemplars_of_its_own() -> None:
    for channel_id in set(load_channels()) - {"detail"}:
        exemplars = load_exemplars(channel_id)
        assert len(exemplars) >= 100
        assert {exemplar.brief.channel for exemplar in exemplars} == {channel_id}


def test_channel_without_a_file_has_none(brief: Callable[..., Brief]) -> None:
    assert load_exemplars("detail") == ()
    assert pick_exemplars(brief("detail"), 2) == ()


def test_nearest_comes_last(brief: Callable[..., Brief], tmp_path: Path) -> None:
    prompts = _write(
        tmp_path,
        _record("同语气", industry="家居"),
        _record("都同"),
        _record("只同字", tone="专业", industry="家居"),
        _record("繁體", lang="zh-Hant", tone="专业", industry="家居"),
    )
    asked = brief("push", tone="俏皮", industry="数码影音")
    assert [e.brief.id for e in pick_exemplars(asked, 4, prompts=prompts)] == ["繁體", "只同字", "同语气", "都同"]
    assert [e.brief.id for e in pick_exemplars(asked, 2, prompts=prompts)] == ["同语气", "都同"]


def test_category_decides_between_equals_and_ties_go_to_file_order(brief: Callable[..., Brief], tmp_path: Path) -> None:
    cup = {"name": "竹杯", "category": "水杯", "attributes": {"颜色": "蓝"}}
    prompts = _write(tmp_path, _record("甲"), _record("乙"), _record("竹杯", products=[cup]))
    asked = brief("push", tone="俏皮", industry="数码影音")
    assert [e.brief.id for e in pick_exemplars(asked, 1, prompts=prompts)] == ["甲"]
    other = brief("push", tone="俏皮", industry="数码影音", product={"category": "保温水杯"})
    assert [e.brief.id for e in pick_exemplars(other, 1, prompts=prompts)] == ["竹杯"]


def test_the_same_product_is_never_shown(brief: Callable[..., Brief]) -> None:
    (exemplar,) = pick_exemplars(brief("note"), 1)
    asked = exemplar.brief.model_copy(update={"tone": "专业"})
    names = {product.name for product in asked.products}
    shown = pick_exemplars(asked, 200)
    assert shown
    assert not any(names & {product.name for product in other.brief.products} for other in shown)


def test_none_wanted(brief: Callable[..., Brief]) -> None:
    assert pick_exemplars(brief(), 0) == ()


@pytest.mark.parametrize(
    ("line", "what"),
    [
        pytest.param("{", "line 2", id="not JSON"),
        pytest.param("[]", "expected a JSON object", id="no object"),
        pytest.param(_record("x", copy={"colour": 1}), "colour", id="unknown field of the copy"),
        pytest.param(_record("x", products=[]), "products", id="no products"),
        pytest.param({k: v for k, v in _record("x").items() if k != "copy"}, "copy", id="no copy"),
    ],
)
def test_broken_line_names_file_and_line(tmp_path: Path, line: object, what: str) -> None:
    prompts = _write(tmp_path, _record("甲"), line)
    with pytest.raises(PromptDataError, match=what) as caught:
        load_exemplars("push", prompts)
    assert caught.value.path == str(prompts / "exemplars" / "push.jsonl")
    assert "line 2" in caught.value.message


def test_copy_is_read_whole(tmp_path: Path) -> None:
    (exemplar,) = load_exemplars("push", _write(tmp_path, _record("甲")))
    assert exemplar.copy_ == AdCopy(body="甲到了")
