"""Cold start of `copygen write` and memory of `copygen serve`, measured from outside on the real commands (Linux).

python -m benchmarks.process
"""

import concurrent.futures
import os
import pty
import re
import select
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path

import httpx

from benchmarks.report import Figure, finish

ROOT = Path(__file__).resolve().parent.parent
COPYGEN = Path(sys.executable).parent / "copygen"
PRODUCT = ROOT / "examples" / "product.json"
RUNS = 5


def _first_token_s() -> float:
    """Seconds from starting `copygen write` on a terminal to the first draft text on it."""
    terminal, child_side = pty.openpty()
    start = time.perf_counter()
    child = subprocess.Popen([COPYGEN, "write", PRODUCT, "-c", "discover"], stdout=child_side, stderr=child_side)
    os.close(child_side)
    seen = b""
    try:
        while "draft" not in seen.decode("utf-8", "replace"):
            if not select.select([terminal], [], [], 60)[0]:
                raise SystemExit("copygen write showed nothing for 60 s")
            seen += os.read(terminal, 4096)
        elapsed = time.perf_counter() - start
    finally:
        child.terminate()
        child.wait()
        os.close(terminal)
    return elapsed


def _peak_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    match = re.search(r"VmHWM:\s+(\d+) kB", status)
    if match is None:
        raise SystemExit("no VmHWM in /proc: this benchmark needs Linux")
    return int(match[1]) / 1024


def _serve_peak_mb() -> tuple[float, int]:
    """Peak resident memory of `copygen serve` after 32 copies by 8 callers, and how many were written."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = subprocess.Popen(
        [COPYGEN, "serve", "--port", str(port)], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    url = f"http://127.0.0.1:{port}"
    try:
        for _ in range(240):
            try:
                if httpx.get(f"{url}/readyz", timeout=2).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            time.sleep(0.25)
        body = {
            "channel": "note",
            "products": [{"name": "听屿 N3 耳机", "attributes": {"降噪深度": "46dB", "续航": "8小时", "防水": "IPX4"}}],
        }

        def call(i: int) -> bool:
            answer = httpx.post(f"{url}/v1/copies", json={**body, "audience": f"第{i}位"}, timeout=120)
            return answer.status_code == 200 and bool(answer.json()["copies"])

        with concurrent.futures.ThreadPoolExecutor(8) as callers:
            written = sum(callers.map(call, range(32)))
        return _peak_mb(server.pid), written
    finally:
        server.terminate()
        server.wait()


def main() -> int:
    _first_token_s()  # joins the model on a fresh machine
    starts = [_first_token_s() for _ in range(RUNS)]
    peak, written = _serve_peak_mb()
    rows = [{"starts": RUNS, "slowest start s": max(starts), "copies written by serve": written}]
    return finish(
        "process",
        rows,
        {
            "cold_start_first_token_s": Figure(statistics.median(starts), 5.0, "lower", "s"),
            "serve_peak_mb": Figure(peak, 1500.0, "lower", "MB"),
            "serve_copies": Figure(written, 28, "higher"),
        },
    )


if __name__ == "__main__":
    sys.exit(main())
