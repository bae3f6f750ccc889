"""A real vLLM server on the CPU with a tiny model, started once per test run; a pytest plugin.

Use the fixture `vllm`. Needs the environment that `make vllm` installs, or the Python of another one with vLLM in
VLLM_PYTHON; without it the tests that ask for the fixture are skipped and say so.
"""

import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

_ROOT = Path(__file__).resolve().parents[1]
_PYTHON = Path(os.environ.get("VLLM_PYTHON") or _ROOT / ".venv-vllm" / "bin" / "python")
_START_S = 480
"""Half a minute on an idle machine; minutes beside a training run."""


class VllmServer:
    """One server; `start` it, and start it again after it died."""

    model = "tiny"
    adapter = "tiny-lora"
    max_model_len = 4096

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._port = 0
        self._failure = ""

    @property
    def base_url(self) -> str:
        return f"http://127.0.0.1:{self._port}/v1"

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Return when it answers.

        Raises:
            RuntimeError: It did not come up, now or before; the message holds the end of its log.
        """
        if self._failure:
            raise RuntimeError(self._failure)
        if self.alive:
            return
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        log = self._folder / "server.log"
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                self._command(), env=_environment(), stdout=out, stderr=subprocess.STDOUT, start_new_session=True
            )
        give_up = time.monotonic() + _START_S
        try:
            while not self._healthy():
                if not self.alive or time.monotonic() > give_up:
                    raise RuntimeError(f"vLLM did not start:\n{log.read_text('utf-8', errors='replace')[-3000:]}")
                time.sleep(0.5)
        except BaseException as error:  # the test's own time limit too
            self.kill()
            self._failure = str(error)
            raise

    def running_requests(self) -> int:
        """How many requests the engine is working on."""
        return self._metric("num_requests_running")

    def generated_tokens(self) -> int:
        """How many tokens the engine has made since it started."""
        return self._metric("generation_tokens_total")

    def _metric(self, name: str) -> int:
        text = httpx.get(f"http://127.0.0.1:{self._port}/metrics", trust_env=False, timeout=30).text
        values = re.findall(rf"^vllm:{name}\{{.*\}} (\S+)$", text, re.MULTILINE)
        assert values, f"the server has no metric {name}"
        return round(sum(map(float, values)))

    def kill(self) -> None:
        """End the server and its engine at once, as the machine under it would."""
        if self._process is not None:
            if self.alive:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def _healthy(self) -> bool:
        try:
            return httpx.get(f"http://127.0.0.1:{self._port}/health", trust_env=False).status_code == 200
        except httpx.TransportError:
            return False

    def _command(self) -> list[str]:
        return [
            *(str(_PYTHON), "-m", "vllm.entrypoints.openai.api_server"),
            *("--model", str(self._folder / "model"), "--served-model-name", self.model),
            *("--host", "127.0.0.1", "--port", str(self._port)),
            *("--dtype", "bfloat16", "--enforce-eager", "--max-num-seqs", "64"),
            *("--max-model-len", str(self.max_model_len)),
            # A seeded request whose prompt is split across steps kills this version's CPU engine.
            *("--no-enable-chunked-prefill", "--max-num-batched-tokens", str(self.max_model_len)),
            *("--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"{self.adapter}={self._folder / 'adapter'}"),
        ]


def _environment() -> dict[str, str]:
    return {
        **os.environ,
        "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB
        # One thread, on any core: the tiny model needs no more, and other processes share the machine.
        "VLLM_CPU_OMP_THREADS_BIND": "nobind",
        "OMP_NUM_THREADS": "1",
        "VLLM_NO_USAGE_STATS": "1",
        "HF_HUB_OFFLINE": "1",
    }


@pytest.fixture(scope="session")
def vllm_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[VllmServer]:
    if not _PYTHON.is_file():
        pytest.skip(f"no vLLM: {_PYTHON} is missing; `make vllm` installs it")
    folder = tmp_path_factory.mktemp("vllm")
    build = [str(_PYTHON), str(_ROOT / "tests" / "tiny_qwen2.py"), str(folder)]
    subprocess.run(build, env=_environment(), check=True, capture_output=True)
    server = VllmServer(folder)
    try:
        yield server
    finally:
        server.kill()


@pytest.fixture
def vllm(vllm_process: VllmServer) -> VllmServer:
    """The running server; one test may kill it, the next one finds it started again."""
    vllm_process.start()
    return vllm_process
