import json
from pathlib import Path

import pytest
from conftest import EARBUDS, GOOD_COPY
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from finetune.prune import CONTROL_TOKENS, common_characters, prune_tokenizer, select_tokens

SIZE = 350
CHAT = f"<|im_start|>user\n{GOOD_COPY}<|im_end|>\n"


@pytest.fixture(scope="module")
def kept(tiny_tokenizer: Path) -> list[int]:
    return select_tokens(tiny_tokenizer, [GOOD_COPY, str(EARBUDS)], SIZE)


@pytest.fixture(scope="module")
def pruned(tiny_tokenizer: Path, kept: list[int], tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("pruned")
    prune_tokenizer(tiny_tokenizer, kept, out)
    return out / "tokenizer.json"


def _load(path: Path) -> Tokenizer:
    return Tokenizer.from_file(str(path))


def test_bytes_are_kept_the_size_is_kept_to_and_control_tokens_come_last(tiny_tokenizer: Path, kept: list[int]) -> None:
    whole = _load(tiny_tokenizer)
    control = [whole.token_to_id(token) for token in CONTROL_TOKENS]
    assert kept[-3:] == control
    assert kept[:-3] == sorted(set(kept[:-3]))
    assert 256 < len(kept) - 3 <= SIZE < whole.get_vocab_size()
    single = {
        index
        for token, index in json.loads(tiny_tokenizer.read_text("utf-8"))["model"]["vocab"].items()
        if len(token) == 1
    }
    assert len(single) == 256 and single <= set(kept)


def test_ids_are_renumbered_by_position(tiny_tokenizer: Path, kept: list[int], pruned: Path) -> None:
    whole, small = _load(tiny_tokenizer), _load(pruned)
    assert small.get_vocab_size() == len(kept)
    assert [small.id_to_token(new) for new in range(len(kept))] == [whole.id_to_token(old) for old in kept]
    assert [small.token_to_id(token) for token in CONTROL_TOKENS] == [len(kept) - 3, len(kept) - 2, len(kept) - 1]
    assert small.token_to_id("<|fim_prefix|>") is None


def test_control_tokens_are_still_one_token_each(pruned: Path) -> None:
    small = _load(pruned)
    ids = small.encode(CHAT, add_special_tokens=False).ids
    assert ids[0] == small.token_to_id("<|im_start|>")
    assert ids.count(small.token_to_id("<|im_end|>")) == 1
    assert small.decode(ids, skip_special_tokens=True) == f"user\n{GOOD_COPY}\n"


def test_what_is_common_keeps_its_tokens_and_what_is_rare_is_spelled_out(
    tiny_tokenizer: Path, tmp_path: Path, pruned: Path
) -> None:
    whole, small = _load(tiny_tokenizer), _load(pruned)
    assert len(whole.encode(GOOD_COPY).ids) <= len(small.encode(GOOD_COPY).ids) < len(GOOD_COPY.encode())
    everything = select_tokens(tiny_tokenizer, [GOOD_COPY, str(EARBUDS)], 10_000)
    prune_tokenizer(tiny_tokenizer, everything, tmp_path)
    assert len(_load(tmp_path / "tokenizer.json").encode(GOOD_COPY).ids) == len(whole.encode(GOOD_COPY).ids)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec="utf-8")))
def test_any_text_still_round_trips(pruned: Path, text: str) -> None:
    small = _load(pruned)
    assert small.decode(small.encode(text, add_special_tokens=False).ids, skip_special_tokens=False) == text


def test_every_merge_left_can_happen(pruned: Path) -> None:
    model = json.loads(pruned.read_text(encoding="utf-8"))["model"]
    made = {token for token in model["vocab"] if len(token) == 1}
    for left, right in model["merges"]:
        assert left in made and right in made
        made.add(left + right)
    assert made == set(model["vocab"])


def test_config_names_the_end_token(pruned: Path) -> None:
    config = json.loads((pruned.parent / "tokenizer_config.json").read_text(encoding="utf-8"))
    assert (config["eos_token"], config["pad_token"]) == ("<|im_end|>", "<|endoftext|>")


def test_common_characters_cover_both_scripts_and_each_comes_once() -> None:
    characters = common_characters()
    assert set("声悦耳机聲悅耳機滑鼠℃㎡，。Aa0 ") <= set(characters)
    assert len(characters) > 9_000
    assert all(len(character) == 1 for character in characters)
