"""What the `copygen` command prints: tables and panels for people."""

from collections.abc import Mapping, Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from copygen.ad_copy import AdCopy
from copygen.channel import Channel, FieldSpec, Tone, get_channel
from copygen.label import Label
from copygen.write import WriteResult

from serving.jobs.columns import ATTRIBUTE, ATTRIBUTES, LEFT_OUT
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.labels.labeller import Labeller

_SAMPLE_CHARS = 30
_USES = {ATTRIBUTE: "属性（列名即属性名）", ATTRIBUTES: "属性（键:值;键:值）", LEFT_OUT: "不用"}
"""Uses of a column that are no field of a brief, as merchants read them."""


class Progressing:
    """Shows candidates as the model writes them; only on a terminal, and gone when the copy is there."""

    def __init__(self, console: Console) -> None:
        self._texts: dict[int, str] = {}
        self._live = Live(console=console, transient=True, refresh_per_second=12) if console.is_terminal else None

    def __enter__(self) -> "Progressing":
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._live is not None:
            self._live.stop()

    def add(self, candidate: int, text: str) -> None:
        self._texts[candidate] = self._texts.get(candidate, "") + text
        if self._live is not None:
            panels = [Panel(Text(t, style="dim"), title=f"draft {i + 1}") for i, t in sorted(self._texts.items())]
            self._live.update(Group(*panels))


def _copy_text(copy: AdCopy, channel: Channel) -> Text:
    text = Text()
    for name, spec in channel.fields.items():
        value = getattr(copy, name)
        if isinstance(value, tuple):
            mark = "#" if name == "tags" else "· "
            joined = (" " if name == "tags" else "\n").join(mark + item for item in value)
            text.append(joined + "\n")
        elif value:
            used = f" {spec.measure(value)}/{spec.max}" if name == "title" else ""
            text.append(value, style="bold" if name == "title" else "")
            text.append(used + "\n", style="dim")
    text.rstrip()
    return text


def show_candidates(console: Console, result: WriteResult, labels: Sequence[Label]) -> None:
    """Panels of the copies, best first, then what they rest on."""
    channel = get_channel(result.brief.channel)
    for i, (candidate, label) in enumerate(zip(result.copies, labels, strict=True), 1):
        text = _copy_text(candidate.copy, channel)
        about = [f"点击倾向 {candidate.score.value:.2f}（估计，非点击率）", *candidate.score.reasons]
        about += [f"注意：{finding.reason}" for finding in candidate.findings]
        about += ["已删改不合格的句子"] if candidate.repaired else []
        text.append("\n" + " · ".join(about), style="dim")
        title, number = f"{channel.name} · {result.brief.tone} · {i}", f"{label.text} {label.produce_id}".lstrip()
        console.print(Panel(text, title=title, title_align="left", subtitle=number, subtitle_align="right"))
    if result.facts:
        told = "；".join(f"{fact.subject}{fact.relation}{fact.object}" for fact in result.facts)
        console.print(f"知识：{told}", style="dim", highlight=False)
    for change in result.changes:
        console.print(f"输入已整理：{change.field} {change.what}", style="dim", highlight=False)
    timings = result.timings
    console.print(
        f"{result.model} · {result.prompt_id} · 首字 {timings.first_token_ms / 1000:.2f} s · "
        f"共 {timings.total_ms / 1000:.2f} s",
        style="dim",
        highlight=False,
    )


def show_outcomes(console: Console, outcomes: Sequence[RowResult], labeller: Labeller) -> None:
    """A table of what became of each row, copies with their labels."""
    table = Table(show_lines=True, expand=True)
    table.add_column("商品", ratio=2)
    table.add_column("渠道 · 语气", no_wrap=True)
    table.add_column("文案", ratio=6)
    for outcome in outcomes:
        result = outcome.result
        if result is None:
            error = outcome.error
            table.add_row(
                f"line {outcome.row.number}", "", Text(f"{error.code}: {error.message}" if error else "", "red")
            )
            continue
        channel = get_channel(result.brief.channel)
        names = "\n".join(product.name for product in result.brief.products)
        text = _copy_text(result.copies[0].copy, channel)
        text.append(f"\n{labeller.label_result(result, 'terminal')[0].text}", style="dim")
        table.add_row(names, f"{channel.name}\n{result.brief.tone}", text)
    console.print(table)


def show_columns(console: Console, row: Row) -> None:
    """What the columns of a table were read as, with the first row's values; said before a run."""
    table = Table("列", "用作", "第一行", title=row.file, title_justify="left")
    for column in row.columns:
        use = _USES.get(column.use, column.use)
        cell = row.cells.get(column.name, "")
        table.add_row(column.name, use, Text(cell if len(cell) <= _SAMPLE_CHARS else f"{cell[:_SAMPLE_CHARS]}…"))
    console.print(table)
    console.print("改用途：--map 列名=字段（- 为不用）；只取部分属性：--attr 材质,颜色", style="dim", highlight=False)


def _limit(name: str, spec: FieldSpec) -> str:
    unit = "字" if spec.unit == "chars" else "列宽"
    items = f" × {spec.min_items}-{spec.max_items}" if spec.max_items else ""
    return f"{spec.label} {spec.min}-{spec.max}{unit}{items}"


def show_channels(
    console: Console, channels: Mapping[str, Channel], tones: Mapping[str, Tone], phases: Sequence[str]
) -> None:
    """Tables of what a brief may ask for."""
    table = Table("channel", "名称", "字段与上下限", "商品数")
    for channel in channels.values():
        limits = "\n".join(_limit(name, spec) for name, spec in channel.fields.items())
        count = str(channel.min_products)
        if channel.max_products > channel.min_products:
            count += f"-{channel.max_products}"
        table.add_row(channel.id, channel.name, limits, count)
    console.print(table)
    console.print(f"tones   {' '.join(tones)}\nphases  {' '.join(phases)}", highlight=False)
