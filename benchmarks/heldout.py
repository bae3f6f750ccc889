"""Share of held-out briefs for which `write()` returns a copy that passes every check.

python -m benchmarks.heldout [--save FILE.jsonl]
"""

import argparse
import asyncio
import json
import sys
from collections import Counter
from pathlib import Path

from copygen.chat_model import ChatModel
from copygen.errors import NoGoodCopy
from copygen.finding import errors
from copygen.write import WriteOptions, WriteResult, write

from benchmarks.report import Figure, finish
from eval.samples import Sample, load_suite
from serving.engines import open_engine


async def _write(sample: Sample, model: ChatModel, gate: asyncio.Semaphore) -> WriteResult | NoGoodCopy:
    async with gate:
        try:
            return await write(sample.brief, model, options=WriteOptions())
        except NoGoodCopy as error:
            return error


async def _measure(save: Path | None) -> int:
    samples = load_suite("heldout")
    model = open_engine("embedded")
    gate = asyncio.Semaphore(6)
    results = await asyncio.gather(*(_write(sample, model, gate) for sample in samples))
    await model.aclose()
    good = [isinstance(result, WriteResult) and not errors(result.copies[0].findings) for result in results]
    per_channel: dict[str, Counter[str]] = {}
    for sample, result, passed in zip(samples, results, good, strict=True):
        row = per_channel.setdefault(sample.brief.channel, Counter())
        row["briefs"] += 1
        row["returned"] += passed
        if isinstance(result, WriteResult):
            row["second round"] += result.rounds == 2
            row["mended"] += result.copies[0].repaired
    rows = [
        {"channel": channel, **{key: row[key] for key in ("briefs", "returned", "second round", "mended")}}
        for channel, row in sorted(per_channel.items())
    ]
    if save is not None:
        with save.open("w", encoding="utf-8") as out:
            for sample, result in zip(samples, results, strict=True):
                line = {"id": sample.id, "channel": sample.brief.channel, "tone": sample.brief.tone}
                if isinstance(result, WriteResult):
                    line["text"] = result.copies[0].copy.plain_text()
                    line["repaired"] = str(result.copies[0].repaired)
                else:
                    line["error"] = result.message
                out.write(json.dumps(line, ensure_ascii=False) + "\n")
    share = sum(good) / len(good)
    return finish(
        "heldout", rows, {"returned_share": Figure(share, 0.98, "higher"), "briefs": Figure(len(good), 300, "higher")}
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--save", type=Path, help="write each copy as JSONL")
    sys.exit(asyncio.run(_measure(parser.parse_args().save)))
