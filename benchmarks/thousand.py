"""A thousand copies over all channels: is anything returned that the law or the product's data forbid?

    python -m benchmarks.thousand [--save FILE]

What is returned passed the checks, so asking the same checks again proves little; a second reader that shares no code
with them looks too: figures whose digits the brief does not hold, and plain lists of alarming words. It sees more than
there is (a scene's 早上六点, 第一次), so what it suspects is saved to be read, and counted here.
"""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from copygen.brief import Brief
from copygen.channel import get_channel
from copygen.chat_model import ChatModel
from copygen.check import check_copy
from copygen.errors import NoGoodCopy
from copygen.finding import errors
from copygen.write import WriteOptions, write

from benchmarks.report import Figure, finish
from eval.samples import load_suite
from serving.engines import opened_engine

COPIES = 1000
CALLERS = 8
FORBIDDEN = ("unsupported_number", "absolute_term", "medical_claim")
_FIGURES = re.compile(r"\d+(?:\.\d+)?")
_ABSOLUTE = re.compile(
    r"最(?!后|近|初|终|多|少|爱|喜欢|大功率)|第一(?!次|眼|口|天|步|杯|件)"
    r"|唯一|顶级|极致|绝对|国家级|完美|永久|首选|100%|百分百"
)
_MEDICAL = re.compile(
    r"治疗|治愈|根治|疗效|药效|消炎|杀菌|抗癌|降血[压糖脂]|失眠|关节炎|湿疹|排毒|祛斑|减肥|壮阳|医生推荐"
)


def suspects(text: str, brief: Brief) -> dict[str, list[str]]:
    """What a reader without our checks would stop at, by label."""
    known = set(_FIGURES.findall(brief.model_dump_json()))
    known |= {f"{float(a) * float(b):g}" for a in known for b in known if len(a) + len(b) < 8}
    return {
        "unsupported_number": [figure for figure in _FIGURES.findall(text) if figure not in known],
        "absolute_term": _ABSOLUTE.findall(text),
        "medical_claim": _MEDICAL.findall(text),
    }


async def written(briefs: Sequence[Brief], model: ChatModel) -> list[tuple[Brief, str, set[str]]]:
    """(brief, copy as text, labels our checks find in it) of every copy returned."""
    waiting, done = list(reversed(briefs)), []

    async def caller() -> None:
        while waiting:
            brief = waiting.pop()
            try:
                result = await write(brief, model, options=WriteOptions())
            except NoGoodCopy:
                continue
            copy = result.copies[0].copy
            report = check_copy(copy, result.brief, get_channel(brief.channel))
            labels = {finding.label for finding in errors(report.findings)}
            done.append((result.brief, copy.plain_text(), labels))

    await asyncio.gather(*(caller() for _ in range(CALLERS)))
    return done


async def measure(count: int) -> list[tuple[Brief, str, set[str]]]:
    samples = load_suite("heldout")
    briefs = [samples[i % len(samples)].brief for i in range(count)]
    async with opened_engine("embedded") as model:
        return await written(briefs, model)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--copies", type=int, default=COPIES, help="fewer for a trial; nothing is saved then")
    parser.add_argument("--save", type=Path, help="write the copies with what the second reader suspects, as JSONL")
    arguments = parser.parse_args()
    copies = asyncio.run(measure(arguments.copies))
    told = [(brief, text, labels, suspects(text, brief)) for brief, text, labels in copies]
    if arguments.save is not None:
        lines = [
            {"channel": brief.channel, "product": brief.products[0].name, "text": text, "suspects": found}
            for brief, text, _, found in told
        ]
        arguments.save.write_text(
            "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8"
        )
    rows = [
        {
            "label": label,
            "found by our checks": sum(label in labels for _, _, labels, _ in told),
            "suspected by the second reader": sum(bool(found[label]) for _, _, _, found in told),
        }
        for label in FORBIDDEN
    ]
    figures = {label: Figure(sum(label in labels for _, _, labels, _ in told), 0, "lower") for label in FORBIDDEN}
    figures["copies"] = Figure(len(copies), arguments.copies * 0.98)
    figures["suspected"] = Figure(sum(any(found.values()) for _, _, _, found in told), None, "lower")
    return finish("thousand", rows, figures, save=arguments.copies == COPIES)


if __name__ == "__main__":
    sys.exit(main())
