"""What FastAPI refuses before a route runs, said so that a caller knows what to change."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError

_MAX_SHOWN_CHARS = 40
_WANTED = "Input should be "
_SAYINGS = {
    "missing": "missing, and it is required",
    "extra_forbidden": "unknown; GET /docs lists the known fields",
}
"""Instead of pydantic's own words, by error type."""


def describe(error: RequestValidationError) -> tuple[str, str | None]:
    """(message, param): the first field that is wrong with what was expected of it, and which others are."""
    problems = error.errors()
    first = problems[0]
    if first["loc"][0] == "body" and (about_body := _about_body(first, error.body)):
        return about_body, None
    params = [_param(problem, error.body) for problem in problems]
    param = params[0]
    wrong = _wrong([problem for problem, other in zip(problems, params, strict=True) if other == param])
    message = f"{param}: {wrong}" if param else wrong
    if others := [other for other in dict.fromkeys(params) if other != param]:
        message += f" (also wrong: {', '.join(others)})"
    return message, param or None


def _about_body(problem: Mapping[str, Any], body: object) -> str | None:
    """What is wrong with the body as a whole, if it is no JSON object."""
    if problem["type"] == "json_invalid":
        return f"the body is not JSON: {problem['ctx']['error']} at character {problem['loc'][1]}"
    if body is None:
        return "the body is empty; send a JSON object"
    if isinstance(body, bytes):
        return "the body was not read as JSON; send it with the header Content-Type: application/json"
    if not isinstance(body, Mapping):
        return f"the body is {_named(body)}; send a JSON object"
    return None


def _param(problem: Mapping[str, Any], body: object) -> str:
    """('body', 'products', 0, 'name') -> products[0].name, without the union branches that pydantic adds."""
    place, *loc = problem["loc"]
    path = ""
    for part in loc:
        if place == "body":
            inside = part in body if isinstance(body, Mapping) else isinstance(part, int) and isinstance(body, Sequence)
            if not inside and problem["type"] != "missing":
                break
            body = body[part] if inside else None  # type: ignore[index]
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.lstrip(".")


def _wrong(problems: Sequence[Mapping[str, Any]]) -> str:
    """What is wrong with one value; a union brings a problem for each of its branches."""
    first = problems[0]
    if first["type"] in _SAYINGS:
        return _SAYINGS[first["type"]]
    words = [str(problem["msg"]).removeprefix("Value error, ") for problem in problems]
    if not words[0].startswith(_WANTED):
        return words[0][:1].lower() + words[0][1:]
    # Behind a comma stands why this branch of pydantic failed; the value says it as well.
    wanted = (word.removeprefix(_WANTED).partition(",")[0] for word in words if word.startswith(_WANTED))
    return f"expected {' or '.join(dict.fromkeys(wanted))}, got {_named(first['input'])}"


def _named(value: object) -> str:
    """A value in a few words."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list | tuple):
        return "a list"
    shown = json.dumps(value, ensure_ascii=False, default=repr)
    return shown if len(shown) <= _MAX_SHOWN_CHARS else f"{shown[:_MAX_SHOWN_CHARS]}…"
