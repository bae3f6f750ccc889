"""What a worker loads on its first row, loaded when this is imported: processes forked afterwards have it."""

import asyncio

from copygen.brief import read_brief
from copygen.write import WriteOptions, write

from benchmarks.instant import InstantModel, record
from serving.jobs import worker

__all__ = ["worker"]

asyncio.run(write(read_brief(record(0))[0], InstantModel(), options=WriteOptions(extra_candidates=0)))
