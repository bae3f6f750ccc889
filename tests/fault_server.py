"""An HTTP server that fails as told: replies are scripts of bytes to send and seconds to wait."""

import asyncio
import json
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any

Step = bytes | float
"""Bytes are sent as they are; a number is waited for, in seconds."""
Reply = Sequence[Step]

SSE = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\nconnection: close\r\n\r\n"
"""Head of a stream that ends with the connection."""
SSE_CHUNKED = b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n"
"""Head of a stream that has an end of its own: a connection closed before it was cut."""
FOREVER = 3600.0


def event(data: object) -> bytes:
    return b"data: " + json.dumps(data, ensure_ascii=False).encode() + b"\n\n"


def piece(text: str, *, index: int = 0, finish_reason: str | None = None) -> bytes:
    """An event with text of one candidate."""
    return event({"choices": [{"index": index, "delta": {"content": text}, "finish_reason": finish_reason}]})


def usage(prompt_tokens: int, completion_tokens: int) -> bytes:
    return event({"choices": [], "usage": {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}})


def chunked(data: bytes) -> bytes:
    return b"%x\r\n%s\r\n" % (len(data), data)


DONE = b"data: [DONE]\n\n"
GOOD: Reply = [SSE, piece("你"), piece("好", finish_reason="stop"), usage(7, 2), DONE]


def status(code: int, message: str = "no", *, headers: str = "") -> Reply:
    """A whole answer with an error in it."""
    body = json.dumps({"error": {"message": message, "code": code}}).encode()
    head = f"HTTP/1.1 {code} X\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n{headers}"
    return [f"{head}connection: close\r\n\r\n".encode() + body]


def models(*names: str) -> Reply:
    """The answer to GET /v1/models."""
    body = json.dumps({"object": "list", "data": [{"id": name, "object": "model"} for name in names]}).encode()
    return [b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n" + body]


class FaultServer:
    """Gives its replies in order, the last one again and again, and remembers what it was asked."""

    def __init__(self, replies: Sequence[Reply]) -> None:
        self._replies = replies
        self._tasks: set[asyncio.Task[None]] = set()
        self.base_url = ""
        self.headers: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.client_left = asyncio.Event()

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().lower()
            length = re.search(r"content-length: (\d+)", head)
            reply = self._replies[min(len(self.bodies), len(self._replies) - 1)]
            self.headers.append(head)
            self.bodies.append(json.loads(await reader.readexactly(int(length[1]))) if length else {})
            for step in reply:
                if isinstance(step, bytes):
                    writer.write(step)
                    await writer.drain()
                elif await _left_within(reader, step):
                    self.client_left.set()
                    break
        except (OSError, asyncio.CancelledError):
            pass  # the client went away while we wrote, or the test is over
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            self._tasks.discard(task)

    async def stop(self) -> None:
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _left_within(reader: asyncio.StreamReader, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            return await reader.read(1) == b""
    except TimeoutError:
        return False
    except OSError:
        return True


@asynccontextmanager
async def fault_server(*replies: Reply) -> AsyncGenerator[FaultServer, None]:
    faults = FaultServer(replies)
    server = await asyncio.start_server(faults.handle, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    faults.base_url = f"http://127.0.0.1:{port}/v1"
    try:
        yield faults
    finally:
        server.close()
        await faults.stop()
        await server.wait_closed()
