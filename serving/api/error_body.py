"""The one body of every failure. Knows no HTTP statuses: those are serving/app.py's."""

from typing import Any

from copygen.errors import CopygenError, NoGoodCopy

from serving.api.wire import FindingOut, Wire


class ErrorBody(Wire):
    """What went wrong and what to do about it."""

    code: str
    """Stable name of the kind of failure."""
    message: str
    """What was got, what was expected and the fix."""
    param: str | None
    """The field to change, where there is one."""
    request_id: str
    """Also in the X-Request-Id header and the service's log."""
    details: list[FindingOut] | None = None
    """For no_good_copy: what kept the best candidate from being returned."""


class ErrorEnvelope(Wire):
    """The body of every failure."""

    error: ErrorBody

    def content(self) -> dict[str, Any]:
        body = self.error.model_dump(exclude={"details"} if self.error.details is None else None)
        return {"error": body}


def error_envelope(error: CopygenError, request_id: str) -> ErrorEnvelope:
    details = None
    if isinstance(error, NoGoodCopy):
        details = [FindingOut.model_validate(finding) for finding in error.findings]
    return ErrorEnvelope(
        error=ErrorBody(
            code=error.code, message=error.message, param=error.param, request_id=request_id, details=details
        )
    )


def internal_error(request_id: str) -> ErrorEnvelope:
    """A bug of ours; what it was is in the log only."""
    message = "something broke on our side; quote the request id when you report it"
    return ErrorEnvelope(error=ErrorBody(code="internal_error", message=message, param=None, request_id=request_id))
