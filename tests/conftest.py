"""Fixtures every test may use. Wipes the program's own environment first: no test sees a developer's settings."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from copygen.brief import Brief, read_brief
from copygen.chat_model import ScriptedModel

for _name in [name for name in os.environ if name.startswith("COPYGEN_")]:
    if _name != "COPYGEN_UPDATE_SNAPSHOTS":  # how a developer asks for new snapshots, no setting of the program
        del os.environ[_name]
os.environ["COPYGEN_DATA"] = tempfile.mkdtemp(prefix="copygen-tests-")  # never a developer's own log of labels

EARBUDS = {
    "name": "声悦 Air3 真无线降噪耳机",
    "brand": "声悦",
    "category": "真无线耳机",
    "attributes": {"降噪深度": "48dB", "续航": "40小时", "颜色": "雾霾蓝", "佩戴": "入耳式"},
    "price": "399元",
}
POUCH = {
    "name": "声悦 羊毛毡收纳包",
    "brand": "声悦",
    "category": "收纳包",
    "attributes": {"材质": "羊毛毡", "颜色": "浅灰"},
    "price": "59元",
}

# Plainly true of EARBUDS, plainly legal, within the limits of discover.
GOOD_TITLE = "把地铁调成静音"
GOOD_BODY = (
    "早高峰的地铁里，戴上声悦，耳边先安静下来。降噪深度48dB，续航40小时，入耳式佩戴，"
    "颜色是雾霾蓝。喜欢的歌响起来，窗外的站台慢慢往后退。"
)
GOOD_COPY = f"标题：{GOOD_TITLE}\n正文：{GOOD_BODY}"


@pytest.fixture
def brief() -> Callable[..., Brief]:
    """Make a brief the way every entrance does: `brief(channel="note", attributes={...}, keywords=[...])`."""

    def make(
        channel: str = "discover",
        *,
        attributes: object = None,
        product: Mapping[str, object] | None = None,
        **fields: object,
    ) -> Brief:
        one: dict[str, object] = {**EARBUDS, **(product or {})}
        if attributes is not None:
            one["attributes"] = attributes
        products = [one, POUCH] if channel == "bundle" else [one]
        return read_brief({"channel": channel, "products": products, **fields})[0]

    return make


@pytest.fixture
def scripted() -> Callable[..., ScriptedModel]:
    """Make a model that gives these replies in order: `scripted(GOOD_COPY)`."""

    def make(*replies: str) -> ScriptedModel:
        return ScriptedModel(replies or (GOOD_COPY,))

    return make


@pytest.fixture(scope="session")
def postgres() -> Iterator[Callable[[], str]]:
    """Make an empty database on a real PostgreSQL server: `postgres()` is its URL."""
    from tests.postgres_server import running

    with running() as make:
        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """URL of an empty database, one of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'jobs.sqlite3'}"
    make: Callable[[], str] = request.getfixturevalue("postgres")
    return make()


@pytest.fixture(scope="session")
def tiny_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """tokenizer.json of a real byte-level BPE with ChatML control tokens, of the kind the Qwen family has."""
    texts = [
        GOOD_COPY,
        *map(str, EARBUDS.values()),
        "你是资深中文电商文案。",
        "【渠道】发现好货",
        "system user assistant",
    ] * 3
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=420, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(), show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.add_special_tokens(["<|endoftext|>", "<|im_start|>", "<|im_end|>", "<|fim_prefix|>"])
    path = tmp_path_factory.mktemp("tokenizer") / "tokenizer.json"
    tokenizer.save(str(path))
    return path
