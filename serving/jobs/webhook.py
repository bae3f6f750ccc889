"""Tells a URL that a job is done, signed as Standard Webhooks say (standardwebhooks.com), not into our own network."""

import ipaddress
import json
import socket
import time
from datetime import UTC, datetime

import httpx
from standardwebhooks.webhooks import EmptyWebhookSecretError
from standardwebhooks.webhooks import Webhook as Signature

from copygen.errors import CopygenError, InvalidSetting

from serving.jobs.job import Job
from serving.settings import Settings

_TIMEOUT_S = 10.0
_SECRET = "COPYGEN_WEBHOOK_SECRET"


class InvalidCallback(CopygenError):
    """The callback URL cannot be called."""

    code = "invalid_callback"

    @property
    def param(self) -> str:
        return "callback_url"


class WebhookFailed(CopygenError):
    """The callback URL did not take the message."""

    code = "webhook_failed"
    retryable = True


class Webhook:
    """Sends signed messages.

    Raises:
        InvalidSetting: The secret is not base64.
    """

    def __init__(self, settings: Settings) -> None:
        self._private = settings.webhook_private
        self._signature = None
        if settings.webhook_secret:
            try:
                self._signature = Signature(settings.webhook_secret)
            except (ValueError, EmptyWebhookSecretError) as error:
                raise InvalidSetting(f"not whsec_ and base64: {error}", name=_SECRET) from error

    def check(self, url: str) -> None:
        """Say now what would keep the call from being made later; names are looked up only then.

        Raises:
            InvalidCallback: No secret to sign with, no http(s) URL, or an address of our own network.
        """
        if self._signature is None:
            raise InvalidCallback(f"callbacks are signed; set {_SECRET} first")
        host = _parse(url).host
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            if host == "localhost" or host.endswith(".localhost"):
                address = ipaddress.ip_address("127.0.0.1")
            else:
                return
        self._admit(host, str(address))

    def send(self, job: Job) -> None:
        """Send the job's figures once.

        Raises:
            InvalidCallback: As `check`, with the name looked up.
            WebhookFailed: No answer, or one that is no success; redirects are not followed.
        """
        self.check(job.callback_url)
        assert self._signature is not None
        now = datetime.now(UTC)
        body = json.dumps(_message(job, now), ensure_ascii=False)
        # The job's run and not the attempt: who gets it twice can tell.
        message_id = f"{job.id}.{job.epoch}"
        url = _parse(job.callback_url)
        headers = {
            "Content-Type": "application/json",
            "Host": url.netloc.decode("ascii"),
            "webhook-id": message_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": self._signature.sign(message_id, now, body),
        }
        # The address that was looked at is the one that is called: the name may mean another a moment later.
        pinned = url.copy_with(host=self._look_up(url))
        try:
            with httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client:
                sni = {"sni_hostname": url.host}
                answer = client.post(pinned, content=body.encode(), headers=headers, extensions=sni)
        except httpx.HTTPError as error:
            raise WebhookFailed(f"{url.host}: {type(error).__name__} {error}".rstrip()) from error
        if not answer.is_success:
            raise WebhookFailed(f"{url.host} answered {answer.status_code}; expected 2xx")

    def _look_up(self, url: httpx.URL) -> str:
        try:
            found = socket.getaddrinfo(url.host, url.port or url.scheme, type=socket.SOCK_STREAM)
        except OSError as error:
            raise WebhookFailed(f"{url.host}: no such host") from error
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            self._admit(url.host, address)
        return addresses[0]

    def _admit(self, host: str, address: str) -> None:
        ip = ipaddress.ip_address(address.partition("%")[0])
        if not self._private and not (ip.ipv4_mapped or ip if isinstance(ip, ipaddress.IPv6Address) else ip).is_global:
            raise InvalidCallback(f"{host} is inside this network; COPYGEN_WEBHOOK_PRIVATE=true allows it")


def _parse(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
    except httpx.InvalidURL as error:
        raise InvalidCallback(f"{text!r} is no URL: {error}") from error
    if url.scheme not in ("http", "https") or not url.host or url.userinfo:
        raise InvalidCallback(f"{text!r}: expected http(s)://host/path, without a password")
    return url


def _message(job: Job, now: datetime) -> dict[str, object]:
    return {
        "type": f"job.{job.state}",
        "timestamp": now.isoformat(),
        "data": {
            "id": job.id,
            "name": job.name,
            "state": job.state,
            "total": job.total,
            "done": job.done,
            "failed": job.failed,
            "rows_per_s": round(job.rows_per_s(time.time()), 3),
        },
    }
