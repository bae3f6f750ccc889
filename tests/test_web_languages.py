"""Interface languages: no message without a translation, no catalogue that is out of date, no page half translated."""

import re
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import read_mo
from babel.messages.pofile import read_po

from serving.web.view import LANGUAGES, LOCALES

TEMPLATES = LOCALES.parent / "templates"
FOREIGN = [language for language in LANGUAGES if language != "zh-Hans"]
_HAN = re.compile(r"[\u3400-\u9fff]")


def _messages() -> set[str]:
    found = extract_from_dir(TEMPLATES, method_map=[("**.html", "jinja2")], options_map={"**.html": {}})
    return {message if isinstance(message, str) else message[0] for _, _, message, _, _ in found}


def _catalogue(language: str) -> tuple[Catalog, Catalog]:
    folder = LOCALES / language.replace("-", "_") / "LC_MESSAGES"
    with (folder / "web.po").open("rb") as po, (folder / "web.mo").open("rb") as mo:
        return read_po(po), read_mo(mo)


@pytest.mark.parametrize("language", FOREIGN)
def test_every_message_is_translated_and_compiled(language: str) -> None:
    source, compiled = _catalogue(language)
    wanted = _messages()
    assert len(wanted) > 100
    for message in sorted(wanted):
        entry = source.get(message)
        assert entry is not None and entry.string, f"{language}: no translation of {message!r}"
        made = compiled.get(message)
        assert made is not None and made.string == entry.string, f"{language}: compile the catalogue: {message!r}"
        names = set(re.findall(r"%\((\w+)\)s", message))
        assert set(re.findall(r"%\((\w+)\)s", str(entry.string))) == names, message


@pytest.mark.parametrize("language", FOREIGN)
def test_no_translation_is_left_over(language: str) -> None:
    source, _ = _catalogue(language)
    left_over = {str(message.id) for message in source if message.id} - _messages()
    assert left_over == set()


def test_no_template_speaks_chinese_outside_a_message() -> None:
    """Whatever is not a message, a comment, a value of the domain or a language's own name."""
    message = re.compile(r'_\("[^"]*"|\{#.*?#\}', re.DOTALL)
    data = re.compile(r'placeholder="[^"]*"|== "[^"]*"|简体|繁體')
    for path in sorted(TEMPLATES.glob("*.html")):
        # proof.html is a document for regulators in Chinese, docs.html one for programmers in English.
        if path.name not in ("proof.html", "docs.html"):
            rest = data.sub("", message.sub("", path.read_text(encoding="utf-8")))
            assert _HAN.findall(rest) == [], path.name


@pytest.mark.parametrize("language", LANGUAGES)
def test_catalogues_are_where_the_pages_look(language: str) -> None:
    assert language == "zh-Hans" or Path(LOCALES, language.replace("-", "_"), "LC_MESSAGES", "web.mo").is_file()
