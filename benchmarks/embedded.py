"""Speed of the embedded engine with every check included.

    python -m benchmarks.embedded

One caller at a time: whole copy, first token, our own share. Then eight callers at once against one.
"""

import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from copygen.brief import Brief
from copygen.chat_model import ChatModel
from copygen.errors import NoGoodCopy
from copygen.write import WriteOptions, WriteResult, write

from benchmarks.report import Figure, finish
from eval.samples import load_suite
from serving.engines import open_engine

CHANNELS = ("discover", "social", "bundle", "search_ad", "guide")
"""Channels whose human copies average about 80 tokens."""
COPIES = 40


async def _one_by_one(briefs: Sequence[Brief], model: ChatModel) -> list[WriteResult]:
    results = []
    for brief in briefs:
        try:
            results.append(await write(brief, model, options=WriteOptions()))
        except NoGoodCopy:
            continue  # counted by benchmarks.heldout; here only finished copies are timed
    return results


async def _timed(briefs: Sequence[Brief], model: ChatModel, callers: int) -> float:
    """Copies per second with a number of callers."""
    waiting = list(briefs)
    finished = 0

    async def caller() -> None:
        nonlocal finished
        while waiting:
            try:
                await write(waiting.pop(), model, options=WriteOptions(extra_candidates=0))
                finished += 1
            except NoGoodCopy:
                finished += 1  # the engine's work was done all the same

    start = time.perf_counter()
    await asyncio.gather(*(caller() for _ in range(callers)))
    return finished / (time.perf_counter() - start)


async def _measure() -> int:
    briefs = [sample.brief for sample in load_suite("heldout") if sample.brief.channel in CHANNELS]
    model = open_engine("embedded")
    await _one_by_one(briefs[:5], model)  # warm: weights paged in, shared prefixes cached
    results = await _one_by_one(briefs[5 : 5 + COPIES], model)
    one = await _timed(briefs[50:66], model, 1)
    eight = await _timed(briefs[70:118], model, 8)
    await model.aclose()
    totals = sorted(result.timings.total_ms / 1000 for result in results)
    tokens = [result.completion_tokens / result.candidates for result in results]
    firsts = [result.timings.first_token_ms / 1000 for result in results]
    owns = [result.timings.own_ms for result in results]
    rows = [
        {
            "copies": len(results),
            "tokens a copy": statistics.mean(tokens),
            "candidates": results[0].candidates,
            "copies/s, 1 caller": one,
            "copies/s, 8 callers": eight,
        }
    ]
    return finish(
        "embedded",
        rows,
        {
            "copy_p50_s": Figure(statistics.median(totals), 2.5, "lower", "s"),
            "copy_p95_s": Figure(totals[int(0.95 * (len(totals) - 1))], 4.0, "lower", "s"),
            "first_token_p50_s": Figure(statistics.median(firsts), 0.5, "lower", "s"),
            "eight_callers_x": Figure(eight / one, 2.2, "higher", "x"),
            "own_p50_ms": Figure(statistics.median(owns), 5.0, "lower", "ms"),
        },
    )


if __name__ == "__main__":
    sys.exit(asyncio.run(_measure()))
