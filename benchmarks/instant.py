"""Workers of durable jobs on an engine that answers at once or after a set time: what jobs themselves cost."""

import asyncio
import csv
from collections.abc import AsyncGenerator, Sequence
from multiprocessing import get_context
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel

from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.jobs.worker import JobWorker
from serving.settings import Settings

PRODUCT: dict[str, Any] = {
    "name": "听屿 N3 真无线降噪耳机",
    "brand": "听屿",
    "category": "真无线耳机",
    "attributes": {"降噪深度": "46dB", "续航": "单次8小时，含充电盒共36小时", "单耳重量": "4.2g"},
}
COPY = (
    "标题：通勤路上的一间小房间\n"
    "正文：早八点的车厢，也能有一间自己的小房间。46dB降噪把噪声关在门外，单耳4.2g，戴上就忘了它。"
    "单次8小时听完一整天，充电盒合计36小时。"
)
"""Passes every check for that product."""
_POLL_S = 0.1


class InstantModel(ScriptedModel):
    """Writes COPY, whatever it is asked; remembers nothing."""

    def __init__(self, delay_s: float = 0.0) -> None:
        super().__init__([COPY])
        self._delay_s = delay_s

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        if self._delay_s:
            await asyncio.sleep(self._delay_s)
        for index in range(params.n):
            yield Chunk(index, COPY, "stop", 1, 1)


def record(number: int) -> dict[str, object]:
    """A brief like no other."""
    return {"id": f"r{number}", "channel": "discover", "products": [PRODUCT], "audience": f"第{number}位"}


def write_table(path: Path, rows: int) -> Path:
    """The same briefs as a CSV."""
    attributes: dict[str, str] = PRODUCT["attributes"]
    with path.open("w", encoding="utf-8", newline="") as target:
        writer = csv.writer(target)
        writer.writerow(("id", "channel", "audience", "name", "brand", "category", *attributes))
        for number in range(rows):
            product = (PRODUCT["name"], PRODUCT["brand"], PRODUCT["category"], *attributes.values())
            writer.writerow((f"r{number}", "discover", f"第{number}位", *product))
    return path


def process(settings: Settings, delay_s: float = 0.0) -> ForkServerProcess:
    """A worker as a process, not started yet; it ends when no job is left."""
    context = get_context("forkserver")  # forked off one that has read its dictionaries: starting takes no time
    context.set_forkserver_preload(["benchmarks.instant_warm"])
    return context.Process(target=_run, args=(settings, delay_s))


def _run(settings: Settings, delay_s: float) -> None:
    asyncio.run(work(settings, delay_s))


async def work(settings: Settings, delay_s: float = 0.0) -> None:
    """Write the jobs of a database until none is left."""
    store = JobStore(database_url(settings))
    worker = JobWorker(store, InstantModel(delay_s), settings, None)
    await worker.start()
    while await asyncio.to_thread(worker.busy):  # noqa: ASYNC110 -- other processes end jobs too
        await asyncio.sleep(_POLL_S)
    await worker.stop()
    store.close()
