"""Every failure a caller may treat differently; foreign errors are translated into these at the edges.

CopygenError
├── InvalidBrief            invalid_brief          a field of the merchant's input cannot be used   .field
├── InvalidFile             invalid_file           an input file cannot be read as records          .path .line
├── InvalidSetting          invalid_setting        a setting or flag cannot be used                 .name
├── PromptDataError         prompt_data_error      a file under prompts/ is wrong                   .path
├── UnknownChannel          unknown_channel        no such channel, tone or phase                   .known
├── NoGoodCopy              no_good_copy           no candidate passed the checks                   .findings
├── UnknownLabel            unknown_label          no label of this number is on record
├── ModelFilesError         model_files_error      weights are missing, damaged or do not fit       .path
└── EngineError
    ├── EngineUnavailable   engine_unavailable     no engine answers                 (retryable)
    ├── EngineBusy          engine_busy            the engine is full                (retryable)    .retry_after_s
    ├── EngineTimeout       engine_timeout         no answer in time                 (retryable)    .timeout_s
    ├── EngineBroken        engine_broken          the answer broke off or is not one (retryable)
    ├── EngineRefused       engine_refused         the engine rejects the request itself
    └── PromptTooLong       prompt_too_long        over the engine's window   .prompt_tokens .max_tokens

The message says what was got, what was expected and the fix. HTTP statuses are known to serving/app.py only.
"""

from collections.abc import Sequence
from typing import ClassVar


class CopygenError(Exception):
    """Something went wrong."""

    code: ClassVar[str] = "copygen_error"
    retryable: ClassVar[bool] = False

    def __init__(self, message: str | None = None) -> None:
        self.message = message or (type(self).__doc__ or "").strip()
        super().__init__(self.message)

    @property
    def param(self) -> str | None:
        """The field, setting or file the caller has to change, where there is one."""
        return None


class InvalidBrief(CopygenError):
    """A field of the brief cannot be used."""

    code = "invalid_brief"

    def __init__(self, message: str, *, field: str) -> None:
        super().__init__(f"{field}: {message}")
        self.field = field

    @property
    def param(self) -> str:
        return self.field


class InvalidFile(CopygenError):
    """An input file cannot be read as records."""

    code = "invalid_file"

    def __init__(self, message: str, *, path: str, line: int | None = None) -> None:
        super().__init__(f"{path} line {line}: {message}" if line else f"{path}: {message}")
        self.path = path
        self.line = line

    @property
    def param(self) -> str:
        return self.path


class InvalidSetting(CopygenError):
    """A setting or flag cannot be used."""

    code = "invalid_setting"

    def __init__(self, message: str, *, name: str) -> None:
        super().__init__(f"{name}: {message}")
        self.name = name

    @property
    def param(self) -> str:
        return self.name


class PromptDataError(CopygenError):
    """A file under prompts/ cannot be used."""

    code = "prompt_data_error"

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class UnknownChannel(CopygenError):
    """No such channel, tone or phase."""

    code = "unknown_channel"

    def __init__(self, kind: str, got: str, known: Sequence[str]) -> None:
        super().__init__(f"{kind}: {got!r} is not known; use one of: {', '.join(known)}")
        self.kind = kind
        self.known = tuple(known)

    @property
    def param(self) -> str:
        return self.kind


class NoGoodCopy(CopygenError):
    """No candidate passed the checks; nothing is returned rather than something wrong."""

    code = "no_good_copy"

    def __init__(self, message: str, *, findings: Sequence[object] = ()) -> None:
        super().__init__(message)
        self.findings = tuple(findings)


class UnknownLabel(CopygenError):
    """No label of this number was issued here, or its record is past retention."""

    code = "unknown_label"


class ModelFilesError(CopygenError):
    """The model's files are missing, damaged or do not fit together."""

    code = "model_files_error"

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path


class EngineError(CopygenError):
    """The engine did not do its work."""

    code = "engine_error"


class EngineUnavailable(EngineError):
    """No engine answers."""

    code = "engine_unavailable"
    retryable = True


class EngineBusy(EngineError):
    """The engine is full; try again later."""

    code = "engine_busy"
    retryable = True

    def __init__(self, message: str | None = None, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class EngineTimeout(EngineError):
    """The engine did not answer in time."""

    code = "engine_timeout"
    retryable = True

    def __init__(self, message: str | None = None, *, timeout_s: float) -> None:
        super().__init__(message or f"the engine did not answer within {timeout_s:g} s")
        self.timeout_s = timeout_s


class EngineBroken(EngineError):
    """The engine's answer broke off or is not an answer."""

    code = "engine_broken"
    retryable = True


class EngineRefused(EngineError):
    """The engine rejects the request itself; sending it again will not help."""

    code = "engine_refused"


class PromptTooLong(EngineError):
    """The prompt has more tokens than the engine takes."""

    code = "prompt_too_long"

    def __init__(self, *, prompt_tokens: int | None, max_tokens: int | None) -> None:
        got = "more" if prompt_tokens is None else f"{prompt_tokens} tokens"
        room = "its context" if max_tokens is None else f"the {max_tokens} tokens the engine takes"
        super().__init__(f"the prompt has {got}, over {room}: shorten attribute values or send fewer attributes")
        self.prompt_tokens = prompt_tokens
        self.max_tokens = max_tokens
