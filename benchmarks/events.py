"""Events a second through POST /v1/events of a real server, as several shops' senders would send them.

python -m benchmarks.events [--events 100000] [--batch 1000] [--senders 2] [--database postgresql://…]
"""

import argparse
import json
import multiprocessing
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from multiprocessing.connection import Connection
from pathlib import Path

import httpx
import uvicorn

from copygen.chat_model import ScriptedModel

from benchmarks.report import Figure, finish
from serving.app import create_app
from serving.settings import Settings

COPIES, SLOTS, VISITORS = 40, 3, 20_000
FULL = 100_000
"""Events of a run whose result is kept."""
_CLICK_EVERY = 40


def serve(settings: Settings, ready: Connection) -> None:
    """A server of its own process on a free port, which it says through the pipe."""

    class Announcing(uvicorn.Server):
        async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override] # narrower
            await super().startup()
            ready.send(self.servers[0].sockets[0].getsockname()[1])

    config = uvicorn.Config(create_app(ScriptedModel([""]), settings), port=0, log_level="warning", access_log=False)
    Announcing(config).run()


def batches(first: int, events: int, batch: int) -> list[bytes]:
    """Bodies of requests, made beforehand: what is measured is the server."""
    made = []
    for start in range(first, first + events, batch):
        rows = [
            {
                "id": f"event-{number:09}",
                "kind": "click" if number % _CLICK_EVERY == 0 else "impression",
                "copy_id": f"copy-{number % COPIES}",
                "slot": f"slot-{number % SLOTS}",
                "visitor": f"visitor-{number * 7919 % VISITORS}",
                "at": f"2026-11-0{1 + number * 8 // FULL % 9}T12:00:00+08:00",
            }
            for number in range(start, min(start + batch, first + events))
        ]
        made.append(json.dumps({"events": rows}).encode())
    return made


def send(url: str, bodies: list[bytes]) -> int:
    """Send one after the other; returns the events that counted."""
    counted = 0
    with httpx.Client(base_url=url, timeout=60, headers={"Content-Type": "application/json"}) as client:
        for body in bodies:
            answer = client.post("/v1/events", content=body)
            answer.raise_for_status()
            counted += answer.json()["counted"]
    return counted


def measure(events: int, batch: int, senders: int, database: str) -> dict[str, float]:
    """Every event once, then every event again."""
    share = events // senders
    bodies = [batches(sender * share, share, batch) for sender in range(senders)]
    with tempfile.TemporaryDirectory(prefix="copygen-events-") as folder:
        here, there = multiprocessing.Pipe()
        settings = Settings(data=Path(folder), database_url=database)
        server = multiprocessing.get_context("spawn").Process(target=serve, args=(settings, there), daemon=True)
        server.start()
        try:
            url = f"http://127.0.0.1:{here.recv()}"
            rates = []
            for expected in (share * senders, 0):
                started = time.monotonic()
                with ThreadPoolExecutor(senders) as pool:
                    counted = sum(pool.map(send, [url] * senders, bodies))
                rates.append(share * senders / (time.monotonic() - started))
                if counted != expected:
                    raise SystemExit(f"{counted:,} events counted, {expected:,} expected")
            found = httpx.get(f"{url}/v1/events/counts", params={"limit": 10_000}, timeout=60).json()["counts"]
            total = sum(count["impression"] + count["click"] for count in found)
        finally:
            server.terminate()
            server.join()
    return {"new": rates[0], "repeated": rates[1], "total": total}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=FULL)
    parser.add_argument("--batch", type=int, default=1_000)
    parser.add_argument("--senders", type=int, default=2)
    parser.add_argument("--database", default="", help="URL of an empty PostgreSQL database, on top of SQLite")
    given = parser.parse_args()
    rows = []
    for database in dict.fromkeys(("", given.database)):
        found = measure(given.events, given.batch, given.senders, database)
        rows.append(
            {
                "database": "postgresql" if database else "sqlite",
                "events": found["total"],
                "new a second": found["new"],
                "repeated a second": found["repeated"],
            }
        )
    lost = sum(abs(given.events // given.senders * given.senders - int(str(row["events"]))) for row in rows)
    figures = {
        "events_per_s": Figure(float(str(rows[0]["new a second"])), 5_000, "higher", "1/s"),
        "events_miscounted": Figure(lost, 0, "lower"),
    }
    return finish("events", rows, figures, save=given.events >= FULL)


if __name__ == "__main__":
    sys.exit(main())
