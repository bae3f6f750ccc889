"""A real server on a free port of this machine, for tests that need sockets, and copy that passes every check."""

import asyncio
import threading
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import contextmanager

import uvicorn
from fastapi import FastAPI

from copygen.chat_model import Chunk, Message, SamplingParams, ScriptedModel

RECORD: dict[str, object] = {
    "id": "ear-1",
    "channel": "discover",
    "tone": "质感",
    "audience": "每天地铁通勤的上班族",
    "products": [
        {
            "name": "听屿 N3 真无线降噪耳机",
            "brand": "听屿",
            "category": "真无线耳机",
            "attributes": {
                "降噪深度": "46dB",
                "续航": "单次8小时，含充电盒共36小时",
                "单耳重量": "4.2g",
                "颜色": "雾霾蓝、月岩灰",
            },
            "price": "369元",
        }
    ],
    "facts": [["主动降噪", "适合场景", "地铁通勤"]],
}
FIRST = (
    "标题：通勤路上的一间小房间\n"
    "正文：早八点的车厢，也能有一间自己的小房间。46dB降噪把噪声关在门外，单耳4.2g，戴上就忘了它。"
    "单次8小时听完一整天，充电盒合计36小时，雾霾蓝和月岩灰都耐看。"
)
SECOND = (
    "标题：把地铁调成静音模式\n"
    "正文：早高峰的地铁里，降噪一开，报站和闲聊都退到远处。46dB的深度，让一首歌听得完整。"
    "单耳只有4.2g，戴一路也不压耳朵，充电盒合计36小时。"
)
BROKEN_LAW = FIRST.replace("戴上就忘了它", "全网第一")
"""Breaks advertising law in its only long sentence, so no mend leaves enough of it."""


class SlowModel(ScriptedModel):
    """Says its replies in small pieces and remembers when it was told to stop."""

    def __init__(self, replies: Sequence[str], *, pause_s: float) -> None:
        super().__init__(replies)
        self._pause_s = pause_s
        self.stopped = threading.Event()
        self.finished = threading.Event()

    async def stream(
        self, messages: Sequence[Message], params: SamplingParams, *, adapter: str | None = None
    ) -> AsyncGenerator[Chunk, None]:
        try:
            async for chunk in super().stream(messages, params, adapter=adapter):
                for at in range(0, len(chunk.text), 8):
                    yield Chunk(chunk.index, chunk.text[at : at + 8])
                    await asyncio.sleep(self._pause_s)
                yield Chunk(chunk.index, "", chunk.finish_reason, chunk.prompt_tokens, chunk.completion_tokens)
            self.finished.set()
        finally:
            self.stopped.set()


@contextmanager
def running(app: FastAPI) -> Iterator[str]:
    """Serve an app from a thread; yields its base URL."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="warning", access_log=False))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the server did not start")
        thread.join(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
