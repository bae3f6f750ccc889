"""Runs the web service: engine, knowledge graph, app, uvicorn."""

import ipaddress

import uvicorn
from rich.console import Console

from copygen.errors import InvalidSetting

from serving.app import create_app
from serving.engines import open_engine
from serving.facts import graph_facts
from serving.settings import Settings


def run(settings: Settings, host: str, port: int) -> None:
    """Serve until interrupted.

    Raises:
        InvalidSetting: A host other than loopback: there are no accounts yet, so nobody else may reach it.
    """
    if not _is_loopback(host):
        raise InvalidSetting(
            f"{host} is reachable by others and there are no accounts yet; use 127.0.0.1 behind your own proxy",
            name="host",
        )
    model = open_engine(
        settings.engine,
        model=settings.model,
        api_key=settings.api_key,
        adapters=settings.adapters.values(),
        verify_adapter=settings.verify_adapter,
        exemplars=settings.exemplars,
        cache=settings.model_cache,
    )
    app = create_app(model, settings, facts=graph_facts, works=True)
    Console(stderr=True).print(f"copygen: http://{host}:{port}  API docs: http://{host}:{port}/docs")
    uvicorn.run(app, host=host, port=port, log_level=settings.log_level.lower(), access_log=False)


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
