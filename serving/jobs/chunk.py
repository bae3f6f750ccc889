"""The rows of a chunk through `write()`: each gets an outcome, whatever happens to the engine meanwhile.

The one place of a job that tries again: while no engine answers a job waits, and says why; a row that breaks the
engine's answer is given up after a few attempts. The engine's client has its own retries below this.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from copygen.chat_model import ChatModel
from copygen.errors import CopygenError, EngineBusy, EngineError, EngineUnavailable
from copygen.write import FactSource, WriteOptions

from serving.jobs.batch import write_row
from serving.jobs.job import RowBroken
from serving.jobs.row_slots import RowSlots
from serving.jobs.store_work import Work
from serving.jobs.table_io import Row
from serving.jobs.table_out import RowResult
from serving.settings import Settings

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""For a row whose answer broke off or came too late."""
_FIRST_WAIT_S = 1.0
_LONGEST_WAIT_S = 30.0


class ChunkWriter:
    """Writes chunks with one model, a bounded number of rows at once over all of them.

    Args:
        troubled: Told why a job does not get on.
    """

    def __init__(
        self,
        model: ChatModel,
        settings: Settings,
        facts: FactSource | None,
        troubled: Callable[[Work, str], Awaitable[None]],
    ) -> None:
        self._model = model
        self._settings = settings
        self._facts = facts
        self._troubled = troubled
        self._slots = RowSlots(settings.job_rows)

    async def write(self, work: Work) -> Mapping[int, RowResult]:
        """One outcome for each row."""
        options = WriteOptions(
            extra_candidates=self._settings.extra_candidates,
            adapters=self._settings.adapters,
            block=work.job.options.block,
            allow=work.job.options.allow,
            deep=self._settings.deep,
        )
        async with asyncio.TaskGroup() as group:
            tasks = {n: group.create_task(self._outcome(work, row, options)) for n, row in work.rows.items()}
        return {number: task.result() for number, task in tasks.items()}

    async def _outcome(self, work: Work, row: Row, options: WriteOptions) -> RowResult:
        attempt = 0
        while True:
            attempt += 1
            async with self._slots.turn(work.job.number):
                outcome = await self._try(row, options)
            if not _is_worth_another(outcome.error, attempt):
                return outcome
            await self._troubled(work, str(outcome.error))
            await asyncio.sleep(min(_FIRST_WAIT_S * 2 ** (attempt - 1), _LONGEST_WAIT_S))

    async def _try(self, row: Row, options: WriteOptions) -> RowResult:
        try:
            return await write_row(row, self._model, options, self._facts)
        except Exception:  # a bug of ours costs its row, not the job
            logger.exception("row at line %d of %s", row.number, row.file)
            return RowResult(row, None, RowBroken())


def _is_worth_another(error: CopygenError | None, attempt: int) -> bool:
    if isinstance(error, EngineUnavailable | EngineBusy):
        return True
    return isinstance(error, EngineError) and error.retryable and attempt < _ATTEMPTS
