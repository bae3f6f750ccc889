import hashlib
import json

import pytest

from copygen.ad_copy import AdCopy
from copygen.label import content_hash, make_label


@pytest.mark.parametrize(
    ("lang", "words"), [("zh-Hans", ("人工智能", "生成")), ("zh-Hant", ("人工智慧", "AI", "生成"))]
)
def test_explicit_label_says_what_article_4_asks(lang: str, words: tuple[str, ...]) -> None:
    text = make_label("文案", "copygen", lang).text  # type: ignore[arg-type]
    assert all(word in text for word in words)


def test_metadata_has_the_seven_fields_of_the_standard() -> None:
    label = make_label("文案", "某店")
    fields = json.loads(label.metadata_json())["AIGC"]
    assert list(fields) == [
        "Label",
        "ContentProducer",
        "ProduceID",
        "ReservedCode1",
        "ContentPropagator",
        "PropagateID",
        "ReservedCode2",
    ]
    assert fields["Label"] == "1"
    assert fields["ContentProducer"] == "某店"
    assert fields["ProduceID"] == label.produce_id
    assert fields["ReservedCode1"] == hashlib.sha256("文案".encode()).hexdigest()
    assert {"AIGC": fields} == label.metadata()
    assert json.loads(label.fields_json()) == fields
    assert "某店" in label.metadata_json()


def test_number_follows_content_and_producer() -> None:
    one = make_label("文案", "某店").produce_id
    assert one == make_label("文案", "某店", "zh-Hant").produce_id == make_label("文案", "某店", shown=False).produce_id
    assert len({one, make_label("文案。", "某店").produce_id, make_label("文案", "别店").produce_id}) == 3


def test_handed_over_leaves_the_implicit_label_alone() -> None:
    shown, handed_over = make_label("文案", "某店"), make_label("文案", "某店", shown=False)
    assert handed_over.text == ""
    assert handed_over.metadata() == shown.metadata()
    assert (shown.under("文案"), handed_over.under("文案")) == ("文案\n\n本内容由人工智能生成", "文案")


def test_one_copy_has_one_hash_however_it_is_laid_out() -> None:
    copy = AdCopy(title="把地铁调成静音", points=("46dB降噪",), body="戴上就安静。\n一路到站。", tags=("降噪", "通勤"))
    pasted = "把地铁调成静音\n46dB降噪\n戴上就安静。一路到站。\n#降噪 #通勤"
    known = content_hash(copy.plain_text())
    for text in (pasted, make_label(pasted, "某店").under(pasted), f"本內容由人工智慧（AI）生成\n{pasted}"):
        assert content_hash(text) == known


@pytest.mark.parametrize("changed", ["46dB降噪，", "48dB降噪", "46db降噪", "人工智能生成 46dB降噪", ""])
def test_a_change_a_reader_sees_changes_the_hash(changed: str) -> None:
    assert content_hash(changed) != content_hash("46dB降噪")


def test_bytes_are_hashed_as_they_are() -> None:
    assert content_hash(b"a b\n") == hashlib.sha256(b"a b\n").hexdigest()
    assert content_hash("a\ud800") != content_hash("a")  # what no encoding has is still text
