"""A real PostgreSQL server of its own on a free port, run by a user without rights, as the server insists."""

import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

_PLACES = ("/usr/lib/postgresql/*/bin", "/usr/local/pgsql/bin", "/opt/homebrew/opt/postgresql*/bin")
_HOW = "no PostgreSQL server found (initdb and postgres); `apt-get install postgresql` puts it there"


def _binaries() -> Path | None:
    on_path = shutil.which("initdb")
    found = [path for place in _PLACES for path in Path("/").glob(place.lstrip("/")) if (path / "initdb").exists()]
    return max(found, key=_version, default=None) if on_path is None else Path(on_path).parent


def _version(path: Path) -> int:
    return int("".join(filter(str.isdigit, str(path))) or 0)


@contextmanager
def running() -> Iterator[Callable[[], str]]:
    """Yields a maker of empty databases; skips the test where no server is installed."""
    binaries = _binaries()
    if binaries is None:
        pytest.skip(_HOW)
    user = "postgres" if os.getuid() == 0 else None
    if user is not None and not any(entry.pw_name == user for entry in pwd.getpwall()):
        pytest.skip("PostgreSQL does not run as root, and there is no user postgres")
    with tempfile.TemporaryDirectory(prefix="copygen-pg-", ignore_cleanup_errors=True) as folder:
        if user is not None:
            shutil.chown(folder, user)
        data = str(Path(folder) / "data")
        subprocess.run(
            [binaries / "initdb", "-D", data, "-U", "copygen", "-A", "trust", "-E", "UTF8", "--no-sync"],
            check=True,
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
        )
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        options = {"listen_addresses": "127.0.0.1", "unix_socket_directories": "", "fsync": "off", "port": port}
        server = subprocess.Popen(
            [binaries / "postgres", "-D", data, *(f"--{name}={value}" for name, value in options.items())],
            user=user,
            cwd=folder,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            yield _maker(f"postgresql://copygen@127.0.0.1:{port}", server)
        finally:
            server.send_signal(signal.SIGQUIT)  # at once, whoever is connected
            server.wait(30)


def _maker(url: str, server: "subprocess.Popen[bytes]") -> Callable[[], str]:
    numbers = itertools.count()

    def make() -> str:
        name = f"jobs{next(numbers)}"
        for _ in range(200):
            try:
                with psycopg.connect(f"{url}/postgres", autocommit=True, connect_timeout=5) as connection:
                    connection.execute(f"CREATE DATABASE {name}".encode())
                return f"{url}/{name}"
            except psycopg.OperationalError:
                if server.poll() is not None:
                    raise
                _wait(server)
        raise TimeoutError("the PostgreSQL server does not answer")

    return make


def _wait(server: "subprocess.Popen[bytes]") -> None:
    """A tenth of a second, or until it ends."""
    try:
        server.wait(0.1)
    except subprocess.TimeoutExpired:
        return
