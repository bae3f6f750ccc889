import json

import pytest

from copygen.label import make_label


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
    assert {"AIGC": fields} == label.metadata()
    assert "某店" in label.metadata_json()


def test_number_follows_content_and_producer() -> None:
    one = make_label("文案", "某店").produce_id
    assert one == make_label("文案", "某店", "zh-Hant").produce_id
    assert len({one, make_label("文案。", "某店").produce_id, make_label("文案", "别店").produce_id}) == 3
