"""The deep check with a verifier that answers by script: what is asked, and what becomes of the answers."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.brief import Brief
from copygen.chat_model import Message, ScriptedModel
from copygen.check import check_text
from copygen.errors import NoGoodCopy
from copygen.finding import errors
from copygen.verify import ANSWERS, INVENTED, SUPPORTED, WRONG, Question, Verifier, ask, check_deep, questions_of
from copygen.write import WriteOptions, write

from serving.app import create_app
from tests.app_client import client_of, settings

Make = Callable[..., Brief]
ONE = WriteOptions(extra_candidates=0, deep=True)
LONGER = GOOD_COPY.replace("喜欢的歌响起来", "游泳时戴着它听潮水，喜欢的歌响起来")


def answering(answers: Mapping[str, str]) -> ScriptedModel:
    """A verifier that has an answer to clauses holding these words, and takes all others for true."""

    def reply(messages: Sequence[Message]) -> str:
        clause = messages[-1].content.rpartition("这一句：")[2]
        return next((answer for words, answer in answers.items() if words in clause), SUPPORTED)

    return ScriptedModel(reply)


class Doubting(ScriptedModel):
    """A model that brings a verifier."""

    def __init__(self, replies: Sequence[str], answers: Mapping[str, str]) -> None:
        super().__init__(replies)
        self.judge = answering(answers)

    @property
    def verifier(self) -> Verifier:
        return Verifier(self.judge)


def asked_of(model: ScriptedModel) -> list[str]:
    return [messages[-1].content.rpartition("这一句：")[2] for messages, _, _ in model.calls]


def test_questions_are_the_clauses_with_what_their_sentence_said_before() -> None:
    text = "早高峰的地铁里，戴上声悦，耳边先安静下来。降噪深度48dB！好"
    found = list(questions_of([("title", "把地铁调成静音"), ("body", text), ("tags[0]", "降噪耳机")]))
    assert found == [
        Question("title", 0, 7, "把地铁调成静音", ""),
        Question("body", 0, 7, "早高峰的地铁里", ""),
        Question("body", 8, 12, "戴上声悦", "早高峰的地铁里"),
        Question("body", 13, 20, "耳边先安静下来", ""),
        Question("body", 21, 29, "降噪深度48dB", ""),
    ]
    assert all(text[q.start : q.end] == q.text for q in found if q.where == "body")


async def test_product_comes_before_the_clause_so_that_clauses_share_a_prefix(brief: Make) -> None:
    model = answering({})
    questions = list(questions_of([("body", GOOD_BODY)]))
    await ask(questions, brief(), Verifier(model, "judge"))
    users = [messages[-1].content for messages, _, _ in model.calls]
    shared = users[0][: users[0].index("\n这一句：")]
    assert "降噪深度=48dB" in shared and "399元" in shared
    assert all(user.startswith(shared) for user in users)
    for _, params, adapter in model.calls:
        assert (params.temperature, params.choices, adapter) == (0.0, ANSWERS, "judge")


@pytest.mark.parametrize(("answer", "label"), [(WRONG, "wrong_value"), (INVENTED, "invented_feature")])
async def test_a_doubted_clause_is_a_finding_and_rests_on_nothing(brief: Make, answer: str, label: str) -> None:
    text, about = "戴着它下水也行，喜欢的歌响起来。", brief()
    fast = check_text(text, about)
    deep = await check_deep(fast, [("text", text)], about, Verifier(answering({"下水": answer})))
    (finding,) = deep.findings[len(fast.findings) :]
    assert (finding.label, finding.text, finding.severity) == (label, "戴着它下水也行", "error")
    assert text[finding.start : finding.end] == finding.text
    assert "深度核对" in finding.reason and finding.proof
    assert deep.evidence.clauses[0].support.kind == "unsupported"
    assert deep.evidence.findings[-1] is finding


async def test_what_the_fast_check_found_is_not_asked_again(brief: Make) -> None:
    text, about, model = "续航60小时，喜欢的歌响起来。", brief(), answering({})
    fast = check_text(text, about)
    assert [finding.label for finding in errors(fast.findings)] == ["wrong_value"]
    deep = await check_deep(fast, [("text", text)], about, Verifier(model))
    assert asked_of(model) == ["喜欢的歌响起来"]
    assert deep.findings == fast.findings


async def test_another_answer_than_the_three_is_no_finding(brief: Make) -> None:
    fast = check_text("喜欢的歌响起来。", brief())
    deep = await check_deep(fast, [("text", "喜欢的歌响起来。")], brief(), Verifier(ScriptedModel(["也许"])))
    assert deep == fast


async def test_a_doubted_clause_is_struck_out_of_what_is_returned(brief: Make) -> None:
    result = await write(brief(), Doubting([LONGER], {"游泳": INVENTED}), options=ONE)
    (candidate,) = result.copies
    assert candidate.verified and candidate.repaired and candidate.report.passed
    assert "游泳" not in candidate.copy.plain_text() and candidate.copy.title == GOOD_TITLE
    assert "游泳" in candidate.completion


async def test_a_doubted_title_lets_the_next_candidate_through(brief: Make) -> None:
    other = GOOD_COPY.replace(GOOD_TITLE, "戴上就听见夏天")
    model = Doubting([other, GOOD_COPY], {"听见夏天": INVENTED})
    result = await write(brief(), model, options=WriteOptions(extra_candidates=1, deep=True))
    assert [candidate.copy.title for candidate in result.copies] == [GOOD_TITLE]
    assert "invented_feature" in {finding.label for finding in result.rejected[0].findings}


async def test_nothing_is_returned_when_every_candidate_is_doubted(brief: Make) -> None:
    with pytest.raises(NoGoodCopy, match="深度核对"):
        await write(brief(), Doubting([GOOD_COPY], {"静音": WRONG}), options=ONE)


async def test_nobody_is_asked_unless_the_options_say_so(brief: Make) -> None:
    model = Doubting([LONGER], {"游泳": INVENTED})
    result = await write(brief(), model, options=WriteOptions(extra_candidates=0, deep=False))
    assert model.judge.calls == [] and not result.copies[0].verified


async def test_only_as_many_candidates_are_asked_about_as_are_wanted(brief: Make) -> None:
    model = Doubting([GOOD_COPY, GOOD_COPY.replace("慢慢", "轻轻"), GOOD_COPY.replace("慢慢", "一点点")], {})
    result = await write(brief(), model, options=WriteOptions(extra_candidates=2, deep=True))
    assert len(result.copies) == 1
    assert asked_of(model.judge).count(GOOD_TITLE) == 1


async def test_the_api_asks_when_it_is_told_to(tmp_path: Path) -> None:
    body = {"text": "戴着它下水也行，喜欢的歌响起来。", "products": [EARBUDS], "deep": True}
    app = create_app(Doubting([GOOD_COPY], {"下水": INVENTED}), settings(data=tmp_path))
    async with client_of(app) as client:
        answer = (await client.post("/v1/checks", json=body)).json()
        assert [finding["label"] for finding in answer["findings"]] == ["invented_feature"]
        refused = await client.post("/v1/checks", json={"text": "喜欢的歌响起来。", "deep": True})
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "products")
    async with client_of(create_app(ScriptedModel([GOOD_COPY]), settings(data=tmp_path))) as client:
        refused = await client.post("/v1/checks", json=body)
    assert (refused.status_code, refused.json()["error"]["param"]) == (422, "deep")
