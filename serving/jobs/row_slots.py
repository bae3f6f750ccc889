"""Turns at the engine: a bounded number of rows under way, and the job with the fewest of them goes next.

So a job of 500,000 rows and one of 20 get the same share, and the small one waits for a row, not for a job.
"""

import asyncio
from collections import Counter, deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class RowSlots:
    """A semaphore that is fair between jobs; for one event loop."""

    def __init__(self, count: int) -> None:
        self._free = count
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}
        """Jobs with waiting rows; the one that was served last stands last."""

    @asynccontextmanager
    async def turn(self, job: Hashable) -> AsyncIterator[None]:
        """Wait for this job's turn; the slot is free again at the end of the block."""
        await self._take(job)
        try:
            yield
        finally:
            self._give_back(job)

    async def _take(self, job: Hashable) -> None:
        if self._free and not self._waiting:
            self._free -= 1
            self._running[job] += 1
            return
        turn = asyncio.get_running_loop().create_future()
        self._waiting.setdefault(job, deque()).append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # its turn came while it was cancelled
                self._give_back(job)
            raise

    def _give_back(self, job: Hashable) -> None:
        self._free += 1
        self._running[job] -= 1
        if not self._running[job]:
            del self._running[job]
        self._serve()

    def _serve(self) -> None:
        while self._free and self._waiting:
            job = min(self._waiting, key=lambda waiting: self._running[waiting])
            turns = self._waiting.pop(job)
            turn = turns.popleft()
            if turns:
                self._waiting[job] = turns
            if not turn.cancelled():
                self._free -= 1
                self._running[job] += 1
                turn.set_result(None)
