"""`copygen events` and `copygen experiment`: the click loop from the command line, on the database of the service."""

import json
import math
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from serving.api.experiment_wire import ReportOut
from serving.cli_engine import open_settings
from serving.cli_input import friendly
from serving.labels.labeller import open_labeller
from serving.loop.event import KINDS
from serving.loop.experiment import Experiment
from serving.loop.loop import Loop, open_loop
from serving.loop.pairs import MIN_CONFIDENCE, find_pairs, write_pairs
from serving.loop.pick import traffic_of
from serving.loop.report import Report, make_report
from serving.loop.simulate import fixed_sample, simulate_ab, smallest_lift
from serving.loop.traffic_file import read_traffic
from serving.settings import Settings

events = typer.Typer(
    no_args_is_help=True,
    help="What shoppers did with copies: reports in, preference pairs out. POST /v1/events is live.",
)
experiment = typer.Typer(no_args_is_help=True, help="Copies that compete for a slot: what they say, what they could.")
out = Console()
err = Console(stderr=True)

_SHOWN_PROBLEMS = 20
_VERDICTS = {"continue": "继续", "winner": "胜出", "no_difference": "无差别", "broken": "数据有误"}
_KIND_NAMES = {"impression": "曝光", "click": "点击", "add_to_cart": "加购", "order": "订单"}


def _opened(settings: Settings | None = None) -> "closing[Loop]":
    return closing(open_loop(settings or open_settings()))


@events.command("import")
@friendly
def import_report(
    source: Annotated[Path, typer.Argument(help="A report by day of 生意参谋, 京麦 or the like: .csv, .tsv, .xlsx.")],
    slot: Annotated[str, typer.Option(help="Where it was shown, for files without a column of it.")] = "",
    mapping: Annotated[
        list[str] | None, typer.Option("--map", help="What a column is: 展现人次=impression. Repeat for more.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be read, and store nothing.")] = False,
) -> None:
    """Read a report's figures; a day that is imported again is replaced, so the same file counts once."""
    with _opened() as loop:
        report = read_traffic(source, maps=mapping or (), slot=slot, find_copy=loop.published.copy_of)
        if not dry_run:
            loop.events.set_counts(report.counts)
    read = "，".join(f"{column} → {use}" for column, use in report.columns.items() if use != "-")
    left = "、".join(column for column, use in report.columns.items() if use == "-")
    err.print(f"列：{read}" + (f"；未用：{left}" if left else ""), highlight=False)
    for problem in report.problems[:_SHOWN_PROBLEMS]:
        err.print(f"[red]{problem.code}[/red] {problem.message}", highlight=False)
    if (more := len(report.problems) - _SHOWN_PROBLEMS) > 0:
        err.print(f"… 另有 {more:,} 行", highlight=False)
    sums = "，".join(f"{_KIND_NAMES[kind]} {sum(one.of(kind) for one in report.counts):,}" for kind in KINDS)
    out.print(f"{len(report.counts):,} 条（文案 × 位置 × 日）：{sums}", highlight=False)
    if report.problems:
        raise typer.Exit(1)


@events.command()
@friendly
def pairs(
    output: Annotated[Path, typer.Option("--output", "-o", help="Preference pairs, .jsonl.")],
    confidence: Annotated[float, typer.Option(min=0.5, max=1.0, help="Least probability that one is better.")] = (
        MIN_CONFIDENCE
    ),
) -> None:
    """Write preference pairs for fine-tuning: two copies of one product in one slot, the better one first."""
    settings = open_settings()
    with _opened(settings) as loop:
        written = write_pairs(output, find_pairs(loop, min_confidence=confidence), open_labeller(settings))
    out.print(f"{written:,} pairs -> {output}", highlight=False)


@experiment.command("list")
@friendly
def list_experiments() -> None:
    """List the 50 newest experiments."""
    with _opened() as loop:
        found = loop.experiments.list()
    table = Table("实验", "商品", "位置", "文案", "状态", "名称")
    for one in found:
        table.add_row(one.id, one.product, one.slot, str(len(one.arms)), _state(one), one.name)
    out.print(table)


def _state(one: Experiment) -> str:
    return "进行中" if one.kept is None else f"已停，用 {one.copies[one.kept]}"


@experiment.command()
@friendly
def show(
    id: Annotated[str, typer.Argument(help="Id of the experiment; `copygen experiment list` lists them.")],  # noqa: A002
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what an experiment has found so far."""
    with _opened() as loop:
        found = loop.experiments.find(id)
        report = make_report(found, traffic_of(loop.events, found))
    if as_json:
        out.print_json(ReportOut.of(report).model_dump_json())
        return
    _show(report)


def _show(report: Report) -> None:
    one = report.experiment
    out.print(f"[bold]{one.product}[/bold] · {one.slot} · {_state(one)}", highlight=False)
    table = Table(
        "文案", "派发", "曝光", "成功", "比率（95%）", "提升（95%）", "提升（可天天看）", "最优概率", "期望损失"
    )
    for arm in report.arms:
        belief, tally = arm.belief, arm.tally
        first = arm.arm.number == 0
        table.add_row(
            tally.copy_id,
            f"{arm.arm.picks:,}",
            f"{tally.trials:,}",
            f"{tally.successes:,}",
            f"{belief.rate:.2%}（{belief.rate_low:.2%}–{belief.rate_high:.2%}）",
            "对照" if first else f"{belief.lift:+.0%}（{belief.lift_low:+.0%}–{belief.lift_high:+.0%}）",
            "" if first else f"{arm.always_low:+.0%}–{arm.always_high:+.0%}",
            f"{belief.best:.0%}",
            f"{belief.loss:.3%}",
        )
    out.print(table)
    out.print(f"结论：{_VERDICTS[report.verdict]}。{report.reason}", highlight=False)
    out.print(
        f"派发与曝光相符的概率 p={report.mismatch_p:.3g}；剔除机器流量 {report.bot_visitors:,} 人次"
        f"（{report.bot_events:,} 个事件）",
        highlight=False,
    )


@experiment.command()
@friendly
def simulate(
    impressions: Annotated[int, typer.Option(min=1, help="Impressions of the slot a day.")] = 2_000,
    ctr: Annotated[float, typer.Option(min=0.0001, max=0.9, help="Click rate now, 0.02 for 2 %.")] = 0.02,
    lift: Annotated[list[float] | None, typer.Option(help="Lifts to look for, 0.1 for 10 %; repeat for more.")] = None,
    days: Annotated[int, typer.Option(min=1, max=366, help="How long you would wait.")] = 30,
    runs: Annotated[int, typer.Option(min=100, max=10_000, help="Simulated experiments.")] = 500,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say what an experiment of two copies could find in a shop of this size, if it is looked at every day."""
    wanted = lift or [0.05, 0.1, 0.2, 0.3, 0.5]
    found = [simulate_ab(impressions, ctr, one, days, runs=runs) for one in wanted]
    alarms = simulate_ab(impressions, ctr, 0.0, days, runs=runs).found
    least = smallest_lift(impressions, ctr, days)
    if as_json:
        lines = [
            {
                "lift": one.lift,
                "power": one.found,
                "median_days": None if math.isnan(one.median_days) else one.median_days,
                "fixed_sample_days": round(fixed_sample(ctr, one.lift) / impressions, 1),
            }
            for one in found
        ]
        known = None if math.isnan(least) else round(least, 3)
        out.print_json(json.dumps({"lifts": lines, "false_alarms": alarms, "smallest_lift": known}))
        return
    table = Table("提升", f"{days} 天内看出", "中位天数", "只看一次需天数")
    for one in found:
        median = "—" if math.isnan(one.median_days) else f"{one.median_days:.0f}"
        table.add_row(
            f"{one.lift:+.0%}", f"{one.found:.0%}", median, f"{fixed_sample(ctr, one.lift) / impressions:.0f}"
        )
    out.print(table)
    out.print(f"两条无差别时，{days} 天里天天看而误判的比例：{alarms:.1%}", highlight=False)
    words = "翻倍也看不出来：加大流量、延长时间或换点击率更高的位置" if math.isnan(least) else f"约 {least:+.0%}"
    out.print(f"八成把握能看出的最小提升：{words}", highlight=False)
