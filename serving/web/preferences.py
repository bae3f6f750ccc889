"""Language and theme of the interface: kept in two cookies, chosen by a form that needs no script."""

from typing import Annotated
from urllib.parse import urlsplit

from fastapi import APIRouter, Form, Request
from starlette.responses import RedirectResponse, Response

from serving.web.view import LANGUAGES, THEMES

_YEAR_S = 365 * 24 * 3600
router = APIRouter(include_in_schema=False)


@router.post("/preferences")
async def set_preferences(
    request: Request, lang: Annotated[str, Form()] = "", theme: Annotated[str, Form()] = ""
) -> Response:
    """Remember what was chosen and go back to where it was; unknown choices change nothing."""
    came_from = urlsplit(request.headers.get("referer", ""))
    own = came_from.netloc == request.headers.get("host")
    path = f"{came_from.path}?{came_from.query}" if own and came_from.query else came_from.path if own else "/"
    # Never a second slash in front: //elsewhere would leave this site.
    response = RedirectResponse("/" + path.lstrip("/"), status_code=303)
    for name, value, known in (("lang", lang, LANGUAGES), ("theme", theme, THEMES)):
        if value in known:
            response.set_cookie(name, value, max_age=_YEAR_S, samesite="lax", httponly=False)
    return response
