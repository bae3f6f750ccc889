"""Refuses bodies that are too large while they are read, as an HTTPException, so that the refusal has our error body.

FastAPI's own limit answers in plain text.
"""

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class BodyLimit:
    """ASGI middleware.

    Args:
        upload_path: Where files may be sent, in forms of up to `max_upload_bytes`.
    """

    def __init__(self, app: ASGIApp, max_bytes: int, upload_path: str, max_upload_bytes: int) -> None:
        self._app, self._max_bytes = app, max_bytes
        self._upload_path, self._max_upload_bytes = upload_path, max_upload_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        size, most = 0, self._most(scope)

        async def receive_some() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > most:
                raise HTTPException(413, f"more than the {most:,} bytes a request may have")
            return message

        await self._app(scope, receive_some, send)

    def _most(self, scope: Scope) -> int:
        upload = scope["type"] == "http" and scope["path"] == self._upload_path
        if upload and Headers(scope=scope).get("content-type", "").startswith("multipart/form-data"):
            return self._max_upload_bytes
        return self._max_bytes
