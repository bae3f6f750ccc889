"""`copygen jobs`: large files as durable jobs. Commands change the database; `run` and `copygen serve` do the work."""

import asyncio
import json
import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Column, Table

from serving.api.job_wire import JobOut
from serving.cli_engine import EngineFlag, ModelFlag, ToneFlag, open_engine, open_settings
from serving.cli_input import friendly
from serving.cli_rules import AllowFlag, BlockFlag, read_words
from serving.facts import graph_facts
from serving.jobs.export import write_results
from serving.jobs.intake import submit as store_file
from serving.jobs.job import ENDED, Job, JobOptions
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.labels.labeller import open_labeller
from serving.settings import Settings

jobs = typer.Typer(
    no_args_is_help=True,
    help="Durable jobs: large files, written row by row, that survive a crash of anything. "
    "The work is done by `copygen jobs run` or `copygen serve`; the other commands only read and change the database "
    "(COPYGEN_DATABASE_URL, else a file in COPYGEN_DATA) and need neither of them running.",
)
out = Console()
err = Console(stderr=True)

JobArgument = Annotated[str, typer.Argument(help="Id of the job; `copygen jobs status` lists them.")]

_POLL_S = 0.5
_STATES = {
    "loading": "读入中",
    "queued": "排队",
    "running": "进行中",
    "paused": "已暂停",
    "succeeded": "完成",
    "cancelled": "已取消",
    "failed": "失败",
}


def _open_store(settings: Settings | None = None) -> "closing[JobStore]":
    return closing(JobStore(database_url(settings or open_settings())))


@jobs.command()
@friendly
def submit(
    source: Annotated[Path, typer.Argument(help="Products: .csv, .tsv, .xlsx, .jsonl or .json.")],
    channel: Annotated[
        str | None,
        typer.Option("--channel", "-c", help="For rows that do not say; several with commas: discover,note."),
    ] = None,
    tone: ToneFlag = None,
    audience: Annotated[str | None, typer.Option(help="Whom it is for, for rows that do not say.")] = None,
    lang: Annotated[str | None, typer.Option(help="zh-Hans or zh-Hant, for rows that do not say.")] = None,
    mapping: Annotated[
        list[str] | None,
        typer.Option("--map", help="What a column is: 品名=name; 库存=- leaves it out. Repeat for more."),
    ] = None,
    attr: Annotated[
        list[str] | None, typer.Option(help="The attribute columns: 材质,颜色; other unknown ones are left out.")
    ] = None,
    key: Annotated[
        str, typer.Option(help="Jobs of one key are one job. Without it, those of the same file and options are.")
    ] = "",
    block: BlockFlag = None,
    allow: AllowFlag = None,
) -> None:
    """Store a file as a job and print its id; `copygen jobs run` or `copygen serve` writes it."""
    options = JobOptions(
        channel=channel,
        tone=tone,
        audience=audience,
        lang=lang,
        map=tuple(mapping or ()),
        attr=tuple(attr or ()),
        block=read_words(block),
        allow=read_words(allow),
    )
    with _open_store() as store, Progress(TextColumn("reading {task.completed:,} rows"), console=err) as progress:
        task = progress.add_task("reading", total=None)
        job = store_file(store, source, options, key=key, loaded=lambda job: progress.update(task, completed=job.total))
    out.print(job.id, highlight=False)
    err.print(f"{job.total:,} rows, {job.unique:,} of them different; {_STATES[job.state]}", highlight=False)
    if job.state in ENDED:
        err.print("the same file was submitted before; --key NAME makes another job of it", highlight=False)


@jobs.command()
@friendly
def status(
    job: Annotated[str | None, typer.Argument(help="Id of the job; without it, the 50 newest.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Say how jobs stand."""
    with _open_store() as store:
        found = [store.find(job)] if job is not None else store.list()
    if as_json:
        lines = [JobOut.of(one).model_dump(mode="json") for one in found]
        out.print_json(json.dumps(lines[0] if job is not None else lines, ensure_ascii=False))
        return
    table = Table(Column("任务", no_wrap=True), "文件", "状态", "行", "失败", "行/秒", "剩余", "说明")
    for one in found:
        now = time.time()
        speed = f"{one.rows_per_s(now):.2f}" if one.started_at else ""
        notes = "；".join(note for note in (one.problem, f"回调 {one.callback}" if one.callback else "") if note)
        progress = f"{one.done:,}/{one.total:,}"
        table.add_row(one.id, one.name, _STATES[one.state], progress, f"{one.failed:,}", speed, _eta(one, now), notes)
    out.print(table)


def _eta(job: Job, now: float) -> str:
    seconds = job.eta_s(now)
    if seconds is None:
        return ""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{rest:02}"


class _Bars(Progress):
    """A bar for each job, with its speed and the time that is left."""

    def __init__(self) -> None:
        words = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[note]}"))
        super().__init__(*words, console=err)
        self._bars: dict[str, TaskID] = {}

    def show_going(self, found: list[Job]) -> None:
        """Those that go on, and those shown before: they end with the bar full."""
        for job in found:
            if job.state in ("queued", "running") or job.id in self._bars:
                self.show(job)

    def show(self, job: Job) -> None:
        now = time.time()
        note = f"{job.rows_per_s(now):.2f} 行/秒" + (f" 剩余 {_eta(job, now)}" if _eta(job, now) else "")
        if job.failed:
            note += f" {job.failed:,} 行失败"
        if job.problem:
            note += f" {job.problem}"
        if job.id not in self._bars:
            self._bars[job.id] = self.add_task("", note="")
        words = f"{job.id} {job.name} {_STATES[job.state]}"
        self.update(self._bars[job.id], description=words, completed=job.done, total=job.total or None, note=note)


@jobs.command()
@friendly
def watch(job: JobArgument) -> None:
    """Follow a job to its end; leaving with Ctrl-C does not stop it. Does none of the work."""
    with _open_store() as store, _Bars() as bars:
        current = store.find(job)
        if current.state == "queued":
            err.print("nobody has begun it yet; `copygen jobs run` or `copygen serve` does", highlight=False)
        while True:
            bars.show(current)
            if current.state in ENDED:
                break
            time.sleep(_POLL_S)
            current = store.find(job)
    if current.state == "failed":
        raise typer.Exit(1)


def _change(change: Callable[[JobStore, str], Job], job: str) -> None:
    with _open_store() as store:
        changed = change(store, job)
    out.print(f"{changed.id} {_STATES[changed.state]} {changed.done:,}/{changed.total:,}", highlight=False)


@jobs.command()
@friendly
def pause(job: JobArgument) -> None:
    """Begin no more rows of a job; the few under way are finished."""
    _change(JobStore.pause, job)


@jobs.command()
@friendly
def resume(job: JobArgument) -> None:
    """Go on with a paused job."""
    _change(JobStore.resume, job)


@jobs.command()
@friendly
def cancel(job: JobArgument) -> None:
    """End a job for good; its results so far can still be fetched."""
    _change(JobStore.cancel, job)


@jobs.command()
@friendly
def retry_failed(job: JobArgument) -> None:
    """Write the failed rows of a finished job again."""
    _change(JobStore.retry_failed, job)


@jobs.command()
@friendly
def result(
    job: JobArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Copies: .csv, .xlsx or .jsonl.")],
    by_channel: Annotated[bool, typer.Option("--by-channel", help="One file for each channel.")] = False,
) -> None:
    """Write a job's results to a file, in the order of its rows; while it runs, those there are."""
    settings = open_settings()
    with _open_store(settings) as store:
        found = store.find(job)
        rows, files = write_results(store, found, output, open_labeller(settings), by_channel=by_channel)
    words = "" if rows == found.total else f" of {found.total:,}"
    out.print(f"{rows:,}{words} rows -> {', '.join(map(str, files))}", highlight=False)


@jobs.command()
@friendly
def run(
    forever: Annotated[bool, typer.Option("--forever", help="Wait for more jobs when all are done.")] = False,
    rows: Annotated[int | None, typer.Option(min=1, max=1024, help="Rows under way at once.")] = None,
    engine: EngineFlag = None,
    model: ModelFlag = None,
) -> None:
    """Do the work: write the rows of all jobs, until none is left. Several may run at once, also beside serve."""
    settings = open_settings(engine=engine, model=model, job_rows=rows)
    with _open_store(settings) as store:
        try:
            asyncio.run(_work(store, settings, forever))
        except asyncio.CancelledError:
            raise typer.Exit(128 + signal.SIGTERM) from None


async def _work(store: JobStore, settings: Settings, forever: bool) -> None:
    from serving.jobs.worker import JobWorker  # DBOS takes a while to import; other commands do not need it

    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with open_engine(settings) as model:
        worker = JobWorker(store, model, settings, graph_facts)
        await worker.start()
        try:
            with _Bars() as bars:
                going = True
                while going or forever:
                    going = await asyncio.to_thread(worker.busy)
                    bars.show_going(await asyncio.to_thread(store.list))
                    await asyncio.sleep(_POLL_S if going or forever else 0)
        finally:
            await worker.stop()
