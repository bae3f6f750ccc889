"""Records -> training packs for the deep check: products with clauses that are borne out, wrong or invented.

Two sources. Written records hold clauses with their labels. From the corpus come true clauses of hand-written copy, and
false ones made of them: a clause lifted from another product of the industry, a figure replaced by another. What was
made is kept only where the fast check agrees that it is false.
"""

import random
import re
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from copygen.brief import Brief, read_brief
from copygen.errors import CopygenError, InvalidFile
from copygen.evidence import check_evidence
from copygen.prompt import chatml, render_question
from copygen.verify import INVENTED, SUPPORTED, WRONG, Question, questions_of

from finetune.data import IGNORE, DataReport, Encode, Example, Pack, read_records
from finetune.recipe import VerifyRecipe

ANSWER_OF = {"ok": SUPPORTED, "wrong_value": WRONG, "invented_feature": INVENTED}
TRUE_PER_COPY, LIFTED_PER_COPY, SWAPPED_PER_COPY = 5, 2, 1
_FIGURE = re.compile(r"\d+(?:\.\d+)?")
_FACTORS = (0.4, 0.5, 0.6, 0.75, 1.25, 1.5, 2, 3)


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of the products, and clauses with the right answers."""

    brief: Brief
    clauses: tuple[tuple[str, str, str], ...]
    """(lead, clause, answer)."""


def load_written(paths: Sequence[Path], report: DataReport) -> list[Case]:
    """Records with `clauses`: [{prev, text, label}].

    Raises:
        InvalidFile: A record or a label that cannot be used; names the line.
    """
    cases = []
    for path in paths:
        for number, record in read_records(path):
            try:
                clauses = record.pop("clauses")
                brief, _ = read_brief({"channel": "detail", **record})
                told = tuple((c.get("prev", ""), c["text"], ANSWER_OF[c["label"]]) for c in clauses)  # type: ignore[attr-defined]
            except (CopygenError, AttributeError, KeyError, TypeError) as error:
                raise InvalidFile(f"cannot be used: {error}", path=str(path), line=number) from error
            report.counts.update(f"written: {answer}" for _, _, answer in told)
            cases.append(Case(brief, told))
    return cases


def from_corpus(examples: Sequence[Example], rng: random.Random, report: DataReport) -> list[Case]:
    """One case a copy: clauses of its own, clauses of others, clauses with another figure."""
    others: dict[str, list[tuple[Brief, Question]]] = defaultdict(list)
    own = []
    for example in examples:
        questions = list(questions_of(example.copy.texts()))
        own.append(questions)
        others[example.brief.industry] += [(example.brief, question) for question in questions]
    cases = []
    for example, questions in zip(examples, own, strict=True):
        brief = example.brief
        clauses = [(q.lead, q.text, SUPPORTED) for q in rng.sample(questions, min(TRUE_PER_COPY, len(questions)))]
        clauses += _lifted(brief, others[brief.industry], rng)
        clauses += _swapped(brief, questions, rng)
        rng.shuffle(clauses)
        report.counts.update(f"corpus: {answer}" for _, _, answer in clauses)
        cases.append(Case(brief, tuple(clauses)))
    return cases


def _lifted(brief: Brief, pool: Sequence[tuple[Brief, Question]], rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Clauses that tell of another product what this one does not have."""
    names = {product.name for product in brief.products}
    found = 0
    for source, question in rng.sample(pool, min(24, len(pool))):
        if found == LIFTED_PER_COPY:
            return
        if source.lang != brief.lang or any(product.name in names for product in source.products):
            continue
        labels = _labels(question.text, brief)
        if labels & {"wrong_value", "invented_feature"} and _rests_on_values(question.text, source):
            found += 1
            yield question.lead, question.text, WRONG if "wrong_value" in labels else INVENTED


def _swapped(brief: Brief, questions: Sequence[Question], rng: random.Random) -> Iterator[tuple[str, str, str]]:
    """Clauses of the copy with another figure in the place of the right one."""
    found = 0
    for question in rng.sample(questions, len(questions)):
        match = _FIGURE.search(question.text)
        if match is None or found == SWAPPED_PER_COPY:
            continue
        other = f"{float(match[0]) * rng.choice(_FACTORS):.3g}"
        text = question.text[: match.start()] + other + question.text[match.end() :]
        if "wrong_value" in _labels(text, brief):
            found += 1
            yield question.lead, text, WRONG


def _labels(clause: str, brief: Brief) -> set[str]:
    return {finding.label for finding in check_evidence([("text", clause)], brief).findings}


def _rests_on_values(clause: str, brief: Brief) -> bool:
    kinds = {c.support.kind for c in check_evidence([("text", clause)], brief).clauses}
    return bool(kinds & {"attribute", "fact"})


def pack_cases(cases: Sequence[Case], encode_text: Encode, max_pack_tokens: int) -> list[Pack]:
    """One pack a case, in order: the product once, each clause behind it blind to its neighbours.

    Raises:
        CopygenError: A case is over max_pack_tokens; nothing is truncated silently.
    """
    packs = []
    for case in cases:
        wholes = [chatml(render_question(case.brief, text, lead)) for lead, text, _ in case.clauses]
        # What all questions on these products begin with: everything before the last line, which is the clause.
        asked = chatml(render_question(case.brief, "…"))
        known = asked[: asked.rindex("…")].rpartition("\n")[0] + "\n"
        shared = encode_text(known)
        pack = Pack([*shared], [IGNORE] * len(shared), [*range(len(shared))], [0] * len(shared))
        for whole, (_, _, answer) in zip(wholes, case.clauses, strict=True):
            pack.append(encode_text(whole.removeprefix(known)), encode_text(answer), len(shared))
        if len(pack.input_ids) > max_pack_tokens:
            raise CopygenError(f"case {case.brief.id}: over max_pack_tokens={max_pack_tokens}; raise it")
        packs.append(pack)
    return packs


def build_verify_packs(
    recipe: VerifyRecipe,
    own: Sequence[Example],
    encode_text: Encode,
    max_pack_tokens: int,
    seed: int,
    report: DataReport,
) -> list[Pack]:
    """All packs of a run in training order: written cases read several times, corpus cases once, all mixed."""
    rng = random.Random(seed)
    cases = from_corpus(rng.sample(own, min(recipe.corpus_cases, len(own))), rng, report)
    written = load_written(sorted(Path(recipe.written).glob("*.jsonl")), report)
    for _ in range(recipe.written_epochs):
        # In another order each time, so that no answer is learnt from its place.
        cases += [Case(case.brief, tuple(rng.sample(case.clauses, len(case.clauses)))) for case in written]
    rng.shuffle(cases)
    return pack_cases(cases, encode_text, max_pack_tokens)
