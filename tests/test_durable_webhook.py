"""Calls when a job is done: signed, tried again, and never into the network the service stands in."""

import asyncio
import json
import socket
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook as Signature

from copygen.errors import InvalidSetting

from benchmarks.instant import InstantModel, write_table
from serving.jobs.intake import submit
from serving.jobs.job import Job, JobOptions
from serving.jobs.store import JobStore
from serving.jobs.tables import database_url
from serving.jobs.webhook import InvalidCallback, Webhook, WebhookFailed
from serving.jobs.worker import JobWorker
from serving.settings import Settings
from tests.app_client import settings
from tests.fault_server import FaultServer, fault_server, status

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
TAKEN = [b"HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n"]


def signing(**values: Any) -> Settings:
    return settings(webhook_secret=SECRET, **values)


def job(url: str) -> Job:
    return Job(
        number=1,
        id="job-1",
        name="商品.csv",
        sha256="",
        options=JobOptions(),
        state="succeeded",
        epoch=1,
        total=3,
        unique=3,
        done=3,
        failed=1,
        problem="",
        created_at=0.0,
        started_at=0.0,
        started_done=0,
        finished_at=2.0,
        callback_url=url,
        callback="",
    )


def headers_of(server: FaultServer, call: int) -> dict[str, str]:
    lines = server.headers[call].split("\r\n")[1:]
    return dict(line.split(": ", 1) for line in lines if ": " in line)


async def test_the_message_is_signed_and_says_how_the_job_ended() -> None:
    async with fault_server(TAKEN) as server:
        url = f"{server.base_url}/hook?shop=1"
        await asyncio.to_thread(Webhook(signing(webhook_private=True)).send, job(url))
        headers, (body,) = headers_of(server, 0), server.bodies
    assert (body["type"], body["data"]["id"], body["data"]["failed"]) == ("job.succeeded", "job-1", 1)
    assert headers["webhook-id"] == "job-1.1"
    assert headers["host"] == url.split("/")[2]
    # The head came in lower case, and the signature is base64: read it again from a message of our own making.
    own = Signature(SECRET)
    sent = json.dumps(body, ensure_ascii=False)
    signature = own.sign(headers["webhook-id"], datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC), sent)
    assert headers["webhook-signature"] == signature.lower()


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/x",
        "http://localhost:8080/x",
        "https://10.1.2.3/x",
        "http://169.254.169.254/latest",
        "http://[::1]/x",
        "http://[::ffff:10.0.0.1]/x",
        "http://0.0.0.0/x",
        "ftp://example.com/x",
        "https://user:word@example.com/x",
        "//example.com",
        "http://",
    ],
)
def test_addresses_of_our_own_are_refused_at_once(url: str) -> None:
    with pytest.raises(InvalidCallback):
        Webhook(signing()).check(url)


async def test_a_name_that_means_an_address_of_our_own_is_refused_when_called(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def look_up(host: str, *args: Any, **kwargs: Any) -> Any:
        return real("127.0.0.1" if host == "shop.example" else host, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    async with fault_server(TAKEN) as server:
        url = server.base_url.replace("127.0.0.1", "shop.example")
        Webhook(signing()).check(url)  # nothing is wrong with the name itself
        with pytest.raises(InvalidCallback, match="inside this network"):
            await asyncio.to_thread(Webhook(signing()).send, job(url))
        assert server.bodies == []
        await asyncio.to_thread(Webhook(signing(webhook_private=True)).send, job(url))
        assert headers_of(server, 0)["host"].startswith("shop.example:")


async def test_what_is_no_success_is_a_failure() -> None:
    moved = status(302, headers="location: http://127.0.0.1/secret\r\n")
    async with fault_server(status(500), moved) as server:
        webhook = Webhook(signing(webhook_private=True))
        for code in (500, 302):
            with pytest.raises(WebhookFailed, match=str(code)):
                await asyncio.to_thread(webhook.send, job(server.base_url))
        assert len(server.bodies) == 2  # nobody was followed
    with pytest.raises(WebhookFailed, match="ConnectError"):
        await asyncio.to_thread(webhook.send, job(server.base_url))
    with pytest.raises(WebhookFailed, match="no such host"):
        await asyncio.to_thread(webhook.send, job("http://nobody.invalid/x"))


def test_a_secret_that_is_none() -> None:
    with pytest.raises(InvalidSetting, match="COPYGEN_WEBHOOK_SECRET"):
        Webhook(settings(webhook_secret="whsec_%"))
    with pytest.raises(InvalidCallback, match="COPYGEN_WEBHOOK_SECRET"):
        Webhook(settings()).check("https://example.com")


async def test_a_job_that_is_done_calls_again_until_it_is_heard(tmp_path: Path) -> None:
    values = signing(data=tmp_path, webhook_private=True)
    async with fault_server(status(503), TAKEN) as server:
        with closing(JobStore(database_url(values))) as store:
            url = f"{server.base_url}/done"
            submitted = submit(store, write_table(tmp_path / "b.csv", 3), JobOptions(), callback_url=url)
            worker = JobWorker(store, InstantModel(), values, None)
            await worker.start()
            async with asyncio.timeout(60):
                while await asyncio.to_thread(worker.busy):  # noqa: ASYNC110 -- it is in the database
                    await asyncio.sleep(0.05)
            await worker.stop()
            done = store.find(submitted.id)
        assert (done.state, done.callback) == ("succeeded", "delivered")
        assert [body["data"]["done"] for body in server.bodies] == [3, 3]
        assert headers_of(server, 0)["webhook-id"] == headers_of(server, 1)["webhook-id"]
