"""GET /docs: the OpenAPI document as a page to read, without scripts and without a CDN."""

import json
import re
from typing import Any

from fastapi import APIRouter, Request
from markupsafe import Markup, escape
from starlette.responses import Response

from serving.web.view import page, templates

router = APIRouter(include_in_schema=False)


def _mark_code(text: str) -> Markup:
    """Escaped text with `code` marked up."""
    return Markup(re.sub(r"`([^`]+)`", r"<code>\1</code>", str(escape(text))))


templates.env.filters["code"] = _mark_code


@router.get("/docs")
async def show_docs(request: Request) -> Response:
    document = request.app.openapi()
    operations = [
        {"path": path, "method": method, **_read_operation(operation)}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    ]
    schemas = {name: _read_schema(schema) for name, schema in document["components"]["schemas"].items()}
    context = {"info": document["info"], "operations": operations, "schemas": schemas}
    return page(request, "docs.html", context)


def _read_operation(operation: dict[str, Any]) -> dict[str, Any]:
    body = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    return {
        "summary": operation["summary"],
        "description": operation.get("description", ""),
        "body": type_name(body) if body else "",
        "responses": [
            {"status": status, "description": response["description"], "body": _response_body(response)}
            for status, response in operation["responses"].items()
        ],
    }


def _response_body(response: dict[str, Any]) -> str:
    return type_name(response.get("content", {}).get("application/json", {}).get("schema", {}))


def _read_schema(schema: dict[str, Any]) -> dict[str, Any]:
    required = schema.get("required", ())
    examples = schema.get("examples", ())
    return {
        "description": schema.get("description", ""),
        "example": json.dumps(examples[0], ensure_ascii=False, indent=2) if examples else "",
        "fields": [
            {"name": name, "type": type_name(spec), "required": name in required, "about": spec.get("description", "")}
            for name, spec in schema.get("properties", {}).items()
        ],
    }


def type_name(schema: dict[str, Any]) -> str:
    """A JSON schema in a few words: `list of ProductIn`, `text or null`."""
    if "$ref" in schema:
        return str(schema["$ref"]).rsplit("/", 1)[-1]
    if "anyOf" in schema:
        return " or ".join(dict.fromkeys(type_name(option) for option in schema["anyOf"]))
    if "enum" in schema or "const" in schema:
        return " | ".join(map(str, schema.get("enum", [schema.get("const")])))
    if schema.get("type") == "array":
        return f"list of {type_name(schema.get('items', {}))}"
    kind = str(schema.get("type", "any value"))
    return {"string": "text", "integer": "whole number"}.get(kind, kind)
