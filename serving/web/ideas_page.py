"""The idea library's page: search, filters, and the way from a piece to a form that writes like it."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse
from starlette.responses import Response

from copygen.channel import load_channels, load_tones

from serving.web.ideas import industries, search
from serving.web.view import is_partial, page

PAGE_SIZE = 24
router = APIRouter(prefix="/ideas", include_in_schema=False, default_response_class=HTMLResponse)
Words = Annotated[str, Query(max_length=60)]


@router.get("")
async def show_ideas(
    request: Request,
    q: Words = "",
    industry: Words = "",
    channel: Words = "",
    tone: Words = "",
    at: Annotated[int, Query(ge=0, le=100_000)] = 0,
) -> Response:
    """A page of what was found, best first; htmx takes the list alone."""
    found = search(q, industry=industry, channel=channel, tone=tone)
    context = {
        "q": q,
        "chosen": {"industry": industry, "channel": channel, "tone": tone},
        "ideas": found[at : at + PAGE_SIZE],
        "count": len(found),
        "at": at,
        "page_size": PAGE_SIZE,
        "channels": load_channels(),
        "tones": load_tones(),
        "industries": industries(),
    }
    return page(request, "_ideas.html" if is_partial(request) else "ideas.html", context)
