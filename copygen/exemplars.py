"""Which example dialogues a prompt shows: the nearest pieces of our own corpus, found without a network.

A model tuned on the corpus needs none; a general model shows two. Also the source of the idea library.
"""

import json
from functools import lru_cache
from pathlib import Path

from copygen.ad_copy import AdCopy
from copygen.brief import Brief, read_brief
from copygen.channel import PROMPTS
from copygen.errors import CopygenError, PromptDataError
from copygen.prompt import Exemplar


@lru_cache(maxsize=32)
def load_exemplars(channel_id: str, prompts: Path = PROMPTS) -> tuple[Exemplar, ...]:
    """All exemplars of a channel; a channel without a file has none."""
    path = prompts / "exemplars" / f"{channel_id}.jsonl"
    if not path.is_file():
        return ()
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except UnicodeDecodeError as error:
        raise PromptDataError(str(error), path=str(path)) from error
    exemplars = []
    for number, line in enumerate(lines, 1):
        try:
            record = json.loads(line)
            exemplars.append(Exemplar(brief=read_brief(record)[0], copy_=AdCopy.model_validate(record["copy"])))
        except (ValueError, KeyError, CopygenError) as error:
            raise PromptDataError(f"line {number}: {error}", path=str(path)) from error
    return tuple(exemplars)


def _bigrams(text: str) -> set[str]:
    return {text[i : i + 2] for i in range(len(text) - 1)}


def pick_exemplars(brief: Brief, k: int, *, prompts: Path = PROMPTS) -> tuple[Exemplar, ...]:
    """The k exemplars nearest to a brief: same script, then tone, then industry and category.

    Ties go to file order, so equal briefs see equal exemplars and prefix caches hit. Nearest comes last, next to
    the question. An exemplar of the same product is never shown.
    """
    if k <= 0:
        return ()
    names = {product.name for product in brief.products}
    wanted = _bigrams(" ".join(product.category or product.name for product in brief.products))

    def nearness(exemplar: Exemplar) -> float:
        other = exemplar.brief
        category = _bigrams(" ".join(product.category for product in other.products))
        overlap = len(wanted & category) / max(1, len(wanted))
        return (
            4.0 * (other.lang == brief.lang)
            + 3.0 * (other.tone == brief.tone)
            + 2.0 * (other.industry == brief.industry and bool(brief.industry))
            + 2.0 * overlap
            + 0.5 * (other.phase == brief.phase)
        )

    pool = [e for e in load_exemplars(brief.channel, prompts) if not names & {p.name for p in e.brief.products}]
    return tuple(reversed(sorted(pool, key=nearness, reverse=True)[:k]))
