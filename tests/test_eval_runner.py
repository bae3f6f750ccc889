import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import EARBUDS, GOOD_BODY, GOOD_COPY, GOOD_TITLE

from copygen.ad_copy import AdCopy
from copygen.brief import Brief
from copygen.chat_model import ScriptedModel
from copygen.errors import EngineBroken, InvalidFile

from eval.runner import Run, difference_of, metric_of, run_model
from eval.samples import SUITES, Sample, load_suite

Script = Callable[..., ScriptedModel]


@pytest.fixture
def samples(brief: Callable[..., Brief]) -> list[Sample]:
    """Four samples of two products."""
    reference = AdCopy(title=GOOD_TITLE, body=GOOD_BODY)
    return [
        Sample(f"s{i}", brief(product={"name": f"声悦 耳机{i // 2}"}, audience=f"人群{i}"), reference) for i in range(4)
    ]


async def test_every_sample_is_written_once_and_scored(samples: list[Sample], scripted: Script) -> None:
    model, done = scripted(GOOD_COPY), []
    run = await run_model(samples, model, done=lambda: done.append(1))
    assert run.model == "scripted"
    assert run.completions == [GOOD_COPY] * 4
    assert run.scores["passes_limits"] == [1.0] * 4
    assert len(model.calls) == len(done) == 4
    assert all(params.n == 1 for _, params, _ in model.calls)


async def test_resuming_does_not_call_the_model_again(samples: list[Sample], scripted: Script, tmp_path: Path) -> None:
    cache = tmp_path / "completions.jsonl"
    first = await run_model(samples[:2], scripted(GOOD_COPY), cache=cache)
    model = scripted("标题：另一个\n正文：另一个")
    second = await run_model(samples, model, cache=cache)
    assert len(model.calls) == 2
    assert second.completions[:2] == first.completions
    third = scripted("")
    assert (await run_model(samples, third, cache=cache)).completions == second.completions
    assert third.calls == []
    assert [json.loads(line)["id"] for line in cache.read_text(encoding="utf-8").splitlines()] == [
        "s0",
        "s1",
        "s2",
        "s3",
    ]


async def test_stopped_run_keeps_what_was_written(samples: list[Sample], tmp_path: Path) -> None:
    cache = tmp_path / "completions.jsonl"
    asked = 0

    def reply(messages: object) -> str:
        nonlocal asked
        asked += 1
        if asked == 3:
            raise EngineBroken("the server went away")
        return GOOD_COPY

    with pytest.raises(EngineBroken):
        await run_model(samples, ScriptedModel(reply), cache=cache, concurrency=1)
    with cache.open("a", encoding="utf-8") as out:
        out.write('{"key": "half a li')  # the process was killed in the middle of a line
    written = cache.read_text(encoding="utf-8").count("\n")
    assert 2 <= written < 4
    model = ScriptedModel([GOOD_COPY])
    await run_model(samples, model, cache=cache, concurrency=1)
    assert len(model.calls) == 4 - written


async def test_completion_with_any_line_break_resumes(samples: list[Sample], scripted: Script, tmp_path: Path) -> None:
    cache = tmp_path / "completions.jsonl"
    text = "标题：一\u2028二\x85三\x1c四\n正文：五"
    await run_model(samples[:1], scripted(text), cache=cache)
    model = scripted("")
    assert (await run_model(samples[:1], model, cache=cache)).completions == [text]
    assert model.calls == []


async def test_another_model_or_prompt_is_another_completion(
    samples: list[Sample], scripted: Script, tmp_path: Path
) -> None:
    cache = tmp_path / "completions.jsonl"
    await run_model(samples[:1], scripted(GOOD_COPY), cache=cache)
    other = scripted(GOOD_COPY)
    other.name = "other"
    await run_model(samples[:1], other, cache=cache)
    assert len(other.calls) == 1
    shown = scripted(GOOD_COPY)
    await run_model(samples[:1], shown, exemplars=2, cache=cache)
    ((messages, _, _),) = shown.calls
    assert len(messages) == 6


def _run(samples: list[Sample], *values: float | None) -> Run:
    return Run("m", samples, [""] * len(samples), {"coverage": list(values)})


def test_unscored_samples_are_left_out_of_the_mean(samples: list[Sample]) -> None:
    metric = metric_of(_run(samples, 1.0, None, 0.0, 0.5), "coverage")
    assert (metric.mean, metric.n) == (0.5, 3)


def test_difference_is_over_samples_both_scored_and_clusters_by_product(samples: list[Sample]) -> None:
    difference = difference_of(_run(samples, 1.0, None, 1.0, 0.5), _run(samples, 0.0, 0.0, None, 0.5), "coverage")
    assert (difference.mean, difference.n) == (0.5, 2)
    by_product = difference_of(_run(samples, 1.0, 1.0, 0.0, 0.0), _run(samples, 0.0, 0.0, 0.0, 0.0), "coverage")
    assert (by_product.low, by_product.high) == (0.0, 1.0)


def test_heldout_suite_loads_and_shares_no_product_with_the_exemplars() -> None:
    suite = load_suite("heldout")
    assert len(suite) >= 200
    assert len(load_suite("heldout", 5)) == 5
    names = set()
    for path in (SUITES.parents[1] / "prompts" / "exemplars").glob("*.jsonl"):
        for line in path.read_text(encoding="utf-8").splitlines():
            names |= {product["name"] for product in json.loads(line)["products"]}
    assert not names & {product.name for sample in suite for product in sample.brief.products}


@pytest.mark.parametrize(
    ("line", "what"),
    [
        ("{", "Expecting"),
        ('{"channel": "push"}', "products"),
        (json.dumps({"channel": "push", "products": [EARBUDS]}), "copy"),
        ("[]", "expected a JSON object"),
    ],
)
def test_broken_suite_names_file_and_line(tmp_path: Path, line: str, what: str) -> None:
    path = tmp_path / "suite.jsonl"
    good = json.dumps({"channel": "push", "products": [EARBUDS], "copy": {"body": "好。"}})
    path.write_text(f"{good}\n{line}\n", encoding="utf-8")
    with pytest.raises(InvalidFile, match=what) as caught:
        load_suite(str(path))
    assert (caught.value.path, caught.value.line) == (str(path), 2)


def test_unknown_suite_lists_the_known() -> None:
    with pytest.raises(InvalidFile, match=r"suites here: .*heldout"):
        load_suite("nothing")
