import shutil
from pathlib import Path

import pytest

from copygen.brief import read_brief
from copygen.channel import PROMPTS, get_channel, get_tone, load_channels, load_tones
from copygen.errors import PromptDataError, UnknownChannel
from copygen.prompt import render
from copygen.text import display_width

CHANNELS = sorted(path.name.split(".")[0] for path in (PROMPTS / "channels").iterdir())
TONES = sorted(path.name.split(".")[0] for path in (PROMPTS / "tones").iterdir())

ANSWER = """
name = "问答"
name_hant = "問答"
name_en = "Answer"
instruction = "用一段话回答买家的问题。"

[fields.body]
label = "回答"
min = 40
max = 90
source = "own rule"
"""


@pytest.fixture
def prompts(tmp_path: Path) -> Path:
    """A copy of prompts/ to change."""
    folder = tmp_path / "prompts"
    shutil.copytree(PROMPTS, folder, ignore=shutil.ignore_patterns("exemplars"))
    return folder


@pytest.mark.parametrize("channel_id", CHANNELS)
def test_every_channel_file_loads_and_is_found_by_each_name(channel_id: str) -> None:
    channel = load_channels()[channel_id]
    assert channel.fields
    for name in (channel_id, channel.name, channel.name_hant):
        assert get_channel(name) == channel
    for spec in channel.fields.values():
        assert spec.source
        assert spec.label in spec.labels


@pytest.mark.parametrize("tone_id", TONES)
def test_every_tone_file_loads_and_is_found_by_each_name(tone_id: str) -> None:
    tone = load_tones()[tone_id]
    for name in (tone_id, tone.name, tone.name_hant, tone.name_en):
        assert get_tone(name) == tone


def test_names_are_unique() -> None:
    for items in (load_channels(), load_tones()):
        names = [name for item in items.values() for name in {item.id, item.name, item.name_hant}]
        assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("channel_id", "field", "low", "high", "unit"),
    [
        ("discover", "title", 6, 14, "chars"),
        ("discover", "body", 60, 100, "chars"),
        ("social", "body", 30, 80, "chars"),
        ("bundle", "body", 70, 130, "chars"),
        ("guide", "points", 8, 20, "chars"),
        ("note", "title", 10, 20, "chars"),
        ("note", "body", 150, 260, "chars"),
        ("live", "body", 140, 230, "chars"),
        ("short_title", "title", 6, 12, "chars"),
        ("push", "body", 20, 45, "chars"),
        ("search_ad", "points", 4, 30, "width"),
        ("search_ad", "body", 20, 90, "width"),
    ],
)
def test_limits_are_those_of_the_corpus(channel_id: str, field: str, low: int, high: int, unit: str) -> None:
    spec = get_channel(channel_id).fields[field]  # type: ignore[index]
    assert (spec.min, spec.max, spec.unit) == (low, high, unit)


def test_width_is_measured_in_columns() -> None:
    text = "降噪耳机Air3"
    assert get_channel("search_ad").fields["body"].measure(text) == display_width(text) == 12
    assert get_channel("push").fields["body"].measure(text) == 8


def test_unknown_names_list_the_known() -> None:
    with pytest.raises(UnknownChannel) as caught:
        get_channel("billboard")
    assert "discover" in caught.value.known and "discover" in caught.value.message
    with pytest.raises(UnknownChannel, match="tone: '怒吼' is not known"):
        get_tone("怒吼")


def test_a_new_channel_is_a_new_file(prompts: Path) -> None:
    (prompts / "channels" / "answer.v1.toml").write_text(ANSWER, encoding="utf-8")
    brief, _ = read_brief({"channel": "问答", "products": [{"name": "耳机", "attributes": {"续航": "40小时"}}]})
    prompt = render(brief, prompts=prompts)
    assert "【渠道】问答：用一段话回答买家的问题。" in prompt.messages[0].content
    assert "回答：40-90字" in prompt.messages[0].content
    assert prompt.prompt_id.split("/")[1] == "answer.v1"


def test_the_highest_version_wins(prompts: Path) -> None:
    for version in (2, 10):
        text = ANSWER.replace("问答", f"问答{version}")
        (prompts / "channels" / f"answer.v{version}.toml").write_text(text, encoding="utf-8")
    channel = load_channels(prompts)["answer"]
    assert (channel.version, channel.name) == (10, "问答10")


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param(ANSWER.replace('name_en = "Answer"\n', ""), "name_en", id="missing key"),
        pytest.param(ANSWER.replace("[fields.body]", "colour = 1\n[fields.body]"), "colour", id="unknown key"),
        pytest.param(ANSWER.replace("[fields.body]", "[fields.footer]"), "fields.footer", id="unknown field"),
        pytest.param(ANSWER.replace("min = 40", 'min = "many"'), "fields.body.min", id="wrong type"),
        pytest.param(ANSWER.replace("min = 40", "min = 400"), "fields.body", id="min over max"),
        pytest.param(ANSWER.replace("[fields.body]", "[fields.points]"), "fields.points", id="list without counts"),
        pytest.param(
            ANSWER.replace("max = 90", "max = 90\nmin_items = 1\nmax_items = 2"), "fields.body", id="counted text"
        ),
        pytest.param(ANSWER.replace('source = "own rule"', ""), "fields.body.source", id="limit without source"),
        pytest.param("name = \n[fields.body]", "line 1", id="not TOML"),
    ],
)
def test_broken_channel_names_file_and_key(prompts: Path, text: str, key: str) -> None:
    path = prompts / "channels" / "answer.v1.toml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(PromptDataError) as caught:
        load_channels(prompts)
    assert caught.value.path == str(path)
    assert key in caught.value.message


def test_channel_saved_in_another_encoding(prompts: Path) -> None:
    path = prompts / "channels" / "answer.v1.toml"
    path.write_text(ANSWER, encoding="gb18030")
    with pytest.raises(PromptDataError, match="utf-8"):
        load_channels(prompts)


def test_broken_tone_names_file_and_key(prompts: Path) -> None:
    path = prompts / "tones" / "怒吼.v1.toml"
    path.write_text('name = "怒吼"\nname_hant = "怒吼"\nname_en = "Roar"\n', encoding="utf-8")
    with pytest.raises(PromptDataError, match="instruction") as caught:
        load_tones(prompts)
    assert caught.value.path == str(path)


def test_file_without_a_version(prompts: Path) -> None:
    (prompts / "channels" / "answer.toml").write_text(ANSWER, encoding="utf-8")
    with pytest.raises(PromptDataError, match=r"discover\.v1\.toml"):
        load_channels(prompts)
