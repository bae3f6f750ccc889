"""Samples x model -> raw completions -> scores. Completions are written as they come, so a stopped run resumes."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from copygen.chat_model import ChatModel, SamplingParams, complete
from copygen.exemplars import pick_exemplars
from copygen.prompt import render

from eval.metrics import Metric, clustered_mean, paired_difference
from eval.samples import Sample
from eval.scorers import SCORERS, Judged

PARAMS = SamplingParams(n=1, temperature=0.5, top_p=0.9, repetition_penalty=1.05, max_tokens=420)


@dataclass(frozen=True, slots=True)
class Run:
    """The scores of one model on one suite, in sample order; None is unscored."""

    model: str
    samples: list[Sample]
    completions: list[str]
    scores: dict[str, list[float | None]]


async def run_model(
    samples: Sequence[Sample],
    model: ChatModel,
    *,
    exemplars: int | None = None,
    cache: Path | None = None,
    concurrency: int = 8,
    done: Callable[[], None] = lambda: None,
) -> Run:
    """Let a model write every sample once and score what it wrote, unrepaired.

    Args:
        exemplars: Example dialogues in the prompt; default is what the model asks for.
        cache: JSONL file of completions; rows already there are not generated again.
    """
    shots = model.exemplars if exemplars is None else exemplars
    known = _read_cache(cache)
    gate = asyncio.Semaphore(concurrency)

    async def one(sample: Sample) -> str:
        prompt = render(sample.brief, pick_exemplars(sample.brief, shots))
        text = "".join(f"{message.role}\n{message.content}\n" for message in prompt.messages)
        key = hashlib.sha256(f"{model.name}\n{PARAMS}\n{text}".encode()).hexdigest()[:24]
        if key not in known:
            async with gate:
                (completion,) = await complete(model, prompt.messages, PARAMS)
            known[key] = completion.text
            if cache is not None:
                with cache.open("a", encoding="utf-8") as out:
                    out.write(
                        json.dumps({"key": key, "id": sample.id, "text": completion.text}, ensure_ascii=False) + "\n"
                    )
        done()
        return known[key]

    completions = list(await asyncio.gather(*(one(sample) for sample in samples)))
    judged = [Judged.of(sample, text) for sample, text in zip(samples, completions, strict=True)]
    scores = {name: [scorer(j) for j in judged] for name, (scorer, _) in SCORERS.items()}
    return Run(model.name, list(samples), completions, scores)


def _read_cache(cache: Path | None) -> dict[str, str]:
    if cache is None or not cache.is_file():
        return {}
    known = {}
    for line in cache.read_text(encoding="utf-8").split("\n"):
        with suppress(json.JSONDecodeError):  # the line a stopped run broke off in
            row = json.loads(line)
            known[row["key"]] = row["text"]
    return known


def metric_of(run: Run, name: str) -> Metric:
    """One score's mean over the samples that could be scored."""
    scored = [(v, s.cluster) for v, s in zip(run.scores[name], run.samples, strict=True) if v is not None]
    return clustered_mean([value for value, _ in scored], [cluster for _, cluster in scored])


def difference_of(a: Run, b: Run, name: str) -> Metric:
    """a - b on the samples both could be scored on."""
    rows = [
        (x, y, sample.cluster)
        for x, y, sample in zip(a.scores[name], b.scores[name], a.samples, strict=True)
        if x is not None and y is not None
    ]
    return paired_difference([x for x, _, _ in rows], [y for _, y, _ in rows], [cluster for _, _, cluster in rows])
