"""Cut a byte-level BPE vocabulary down to what a language and trade need; the byte fallback always stays.

A small model spends a third of its weights on rows for tokens it never writes here. Kept: the 256 byte tokens, the
control tokens asked for, every common Chinese character in both scripts that is one token, then the tokens a sample
of texts uses most, each with the tokens it is merged from. Any text still round-trips: what has no token of its own
is spelled in smaller pieces.
"""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tokenizers import Tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel

CONTROL_TOKENS = ("<|endoftext|>", "<|im_start|>", "<|im_end|>")


def common_characters() -> list[str]:
    """Simplified (GB 2312) and Traditional (Big5 level 1) characters, and printable ASCII."""
    hans = (bytes((row, cell)) for row in range(0xB0, 0xF8) for cell in range(0xA1, 0xFF))
    hant = (bytes((row, cell)) for row in range(0xA4, 0xC7) for cell in (*range(0x40, 0x7F), *range(0xA1, 0xFF)))
    marks = "，。、；：？！“”‘’（）《》【】「」『』—…·～￥％×°℃㎡ㄧ"
    decoded = [c.decode("gb2312", "ignore") for c in hans] + [c.decode("big5", "ignore") for c in hant]
    return [*dict.fromkeys(c for c in decoded if c), *marks, *map(chr, range(0x20, 0x7F))]


def _merge_parents(tokenizer: dict[str, Any]) -> dict[str, tuple[str, str]]:
    """token -> the two tokens it is first merged from."""
    parents: dict[str, tuple[str, str]] = {}
    for merge in tokenizer["model"]["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        parents.setdefault(left + right, (left, right))
    return parents


def select_tokens(tokenizer_file: Path, texts: Iterable[str], size: int) -> list[int]:
    """Choose the ids to keep.

    Args:
        tokenizer_file: tokenizer.json of a byte-level BPE model.
        texts: What the model will read and write; repeat what matters.
        size: The sample's tokens are added up to this many; bytes and common characters are kept even beyond it,
            control tokens come on top.

    Returns:
        Old ids, ascending, control tokens last. Position in the list is the new id.
    """
    data = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    tokenizer = Tokenizer.from_file(str(tokenizer_file))
    vocab: dict[str, int] = data["model"]["vocab"]
    by_id = {index: token for token, index in vocab.items()}
    parents = _merge_parents(data)

    kept: set[str] = {token for token in vocab if len(token) == 1}  # the byte alphabet

    def closure(token: str) -> set[str]:
        needed, todo = set(), [token]
        while todo:
            piece = todo.pop()
            if piece not in kept and piece not in needed:
                needed.add(piece)
                todo.extend(parents.get(piece, ()))
        return needed

    for character in common_characters():
        ids = tokenizer.encode(character, add_special_tokens=False).ids
        if len(ids) == 1:
            kept |= closure(by_id[ids[0]])
    counts: Counter[int] = Counter()
    for text in texts:
        counts.update(tokenizer.encode(text, add_special_tokens=False).ids)
    for index, _ in counts.most_common():
        if index not in by_id:
            continue  # a control token
        needed = closure(by_id[index])
        if len(kept) + len(needed) > size:
            break
        kept |= needed
    added = {token["content"]: token["id"] for token in data["added_tokens"]}
    return sorted(vocab[token] for token in kept) + [added[token] for token in CONTROL_TOKENS]


def prune_tokenizer(tokenizer_file: Path, kept: Sequence[int], out: Path) -> None:
    """Write tokenizer.json and its config with ids renumbered by position in `kept`."""
    data = json.loads(tokenizer_file.read_text(encoding="utf-8"))
    new_id = {old: new for new, old in enumerate(kept)}
    vocab = {token: new_id[index] for token, index in data["model"]["vocab"].items() if index in new_id}
    merges = []
    for merge in data["model"]["merges"]:
        left, right = merge.split(" ") if isinstance(merge, str) else merge
        if left in vocab and right in vocab and left + right in vocab:
            merges.append([left, right])
    data["model"]["vocab"] = vocab
    data["model"]["merges"] = merges
    data["added_tokens"] = [
        {**token, "id": new_id[token["id"]]} for token in data["added_tokens"] if token["id"] in new_id
    ]
    out.mkdir(parents=True, exist_ok=True)
    (out / "tokenizer.json").write_text(json.dumps(data, ensure_ascii=False), encoding="utf-8")
    config = {
        "tokenizer_class": "Qwen2TokenizerFast",
        "bos_token": None,
        "eos_token": "<|im_end|>",
        "pad_token": "<|endoftext|>",
        "model_max_length": 4096,
        "clean_up_tokenization_spaces": False,
    }
    (out / "tokenizer_config.json").write_text(json.dumps(config, ensure_ascii=False, indent=1), encoding="utf-8")


def prune_model(model: "PreTrainedModel", kept: Sequence[int]) -> None:
    """Keep only the embedding rows of `kept`, in place; tied output rows follow."""
    import torch

    rows = torch.tensor(kept)
    embedding = model.get_input_embeddings()
    weight = embedding.weight.detach()[rows].clone()  # (len(kept), hidden)
    model.resize_token_embeddings(len(kept), mean_resizing=False)
    with torch.no_grad():
        model.get_input_embeddings().weight.copy_(weight)
    model.config.eos_token_id = list(kept).index(kept[-1])
    model.config.bos_token_id = None
    model.config.pad_token_id = len(kept) - len(CONTROL_TOKENS)
    model.generation_config.eos_token_id = [len(kept) - 1, len(kept) - len(CONTROL_TOKENS)]
    model.generation_config.bos_token_id = None
    model.generation_config.pad_token_id = model.config.pad_token_id
