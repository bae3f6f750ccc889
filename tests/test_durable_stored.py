"""Rows and outcomes as the database keeps them come back as they were."""

from collections.abc import Callable

import pytest
from conftest import GOOD_COPY

from copygen.chat_model import ScriptedModel
from copygen.errors import CopygenError, EngineBusy, InvalidBrief, InvalidFile, NoGoodCopy, UnknownChannel
from copygen.finding import Finding

from serving.jobs.job import RowBroken
from serving.jobs.stored import dump_outcome, dump_row, load_outcome, load_row
from serving.jobs.table_io import Row
from tests.job_support import BAD, outcome_of, record


@pytest.mark.parametrize(
    "error",
    [
        InvalidBrief("x", field="products[0].name"),
        InvalidFile("3 fields", path="b.csv", line=14),
        UnknownChannel("tone", "酷", ["简约"]),
        NoGoodCopy("none", findings=(Finding("length", "body", 0, 3, "abc", "太长", severity="warning"),)),
        EngineBusy("full", retry_after_s=3.0),
        RowBroken(),
    ],
    ids=lambda error: error.code,
)
def test_errors_come_back_as_they_were(error: CopygenError) -> None:
    result, back = load_outcome(dump_outcome(None, error))
    assert result is None and back is not None
    assert (type(back), back.message, back.param) == (type(error), error.message, error.param)
    assert {k: _plain(v) for k, v in vars(back).items()} == {k: _plain(v) for k, v in vars(error).items()}


def _plain(value: object) -> object:
    return list(value) if isinstance(value, list | tuple) else value


async def test_a_result_comes_back_whole_but_for_what_was_thrown_away(scripted: Callable[..., ScriptedModel]) -> None:
    row = Row(7, record(0, id="a\ud800", facts=[["主动降噪", "适合场景", "地铁"]], n=2))
    outcome = await outcome_of(row, scripted(GOOD_COPY, GOOD_COPY.replace("慢慢", "缓缓"), BAD))
    back, _ = load_outcome(dump_outcome(outcome.result, None))
    assert back is not None and outcome.result is not None
    assert [c.copy for c in back.copies] == [c.copy for c in outcome.result.copies]
    assert [c.report for c in back.copies] == [c.report for c in outcome.result.copies]
    assert (back.brief, back.facts, back.changes) == (
        outcome.result.brief,
        outcome.result.facts,
        outcome.result.changes,
    )
    assert (back.rejected, back.copies[0].completion) == ((), "")
    assert load_row(dump_row(row, ()), "", ()) == row
