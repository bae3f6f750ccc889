"""How a page is made: the templates, the language and theme a browser chose, whole pages and fragments of them.

Messages are written in Simplified Chinese in the templates; other languages come from compiled catalogues. After a
change of locales/*/LC_MESSAGES/web.po: `pybabel compile -d serving/web/locales -D web`; a test names what is missing.
"""

import gettext as catalogues
from collections.abc import Mapping
from contextvars import ContextVar
from functools import lru_cache
from pathlib import Path
from typing import Any

from fastapi import Request
from starlette.responses import Response
from starlette.templating import Jinja2Templates

FOLDER = Path(__file__).parent
LOCALES = FOLDER / "locales"
DOMAIN = "web"
LANGUAGES = {"zh-Hans": "简体", "zh-Hant": "繁體", "en": "English"}
"""Interface languages by the name each gives itself; the first is the one messages are written in."""
THEMES = ("auto", "light", "dark")
_NO_STORE = {"Cache-Control": "no-store"}
"""Whole pages are never stored: they hold what a merchant typed."""

_language: ContextVar[str] = ContextVar("language", default="zh-Hans")


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> catalogues.NullTranslations:
    """The messages of a language; a message without a translation stays as it is written."""
    folder = language.replace("-", "_")
    return catalogues.translation(DOMAIN, LOCALES, [folder], fallback=language == "zh-Hans")


def gettext(message: str) -> str:
    """A message in the language of the page being made."""
    return catalogue(_language.get()).gettext(message)


def _ngettext(singular: str, plural: str, n: int) -> str:
    return catalogue(_language.get()).ngettext(singular, plural, n)


def local_name(item: Any) -> str:
    """A channel's or tone's name in the language of the page."""
    return str({"zh-Hant": item.name_hant, "en": item.name_en}.get(_language.get(), item.name))


templates = Jinja2Templates(FOLDER / "templates")
templates.env.trim_blocks = templates.env.lstrip_blocks = True
templates.env.add_extension("jinja2.ext.i18n")
templates.env.install_gettext_callables(gettext, _ngettext, newstyle=True)  # type: ignore[attr-defined]  # of i18n
templates.env.filters["local"] = local_name


def language_of(request: Request) -> str:
    chosen = request.cookies.get("lang", "")
    return chosen if chosen in LANGUAGES else "zh-Hans"


def is_partial(request: Request) -> bool:
    """Whether htmx asks, and takes a part of a page."""
    return request.headers.get("hx-request") == "true"


def render(request: Request, template: str, context: Mapping[str, Any]) -> str:
    """A template's text in the language the browser chose."""
    language = language_of(request)
    theme = request.cookies.get("theme", "")
    chosen = {"page_lang": language, "theme": theme if theme in THEMES else "auto", "languages": LANGUAGES}
    before = _language.set(language)
    try:
        return templates.get_template(template).render({"request": request, **chosen, **context})
    finally:
        _language.reset(before)


def page(
    request: Request,
    template: str,
    context: Mapping[str, Any],
    *,
    status: int = 200,
    headers: Mapping[str, str] | None = None,
) -> Response:
    """A page, or a part of one for htmx."""
    return Response(
        render(request, template, context),
        status_code=status,
        headers={**_NO_STORE, **(headers or {})},
        media_type="text/html",
    )
