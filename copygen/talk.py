"""How copy talks: the word patterns of `knowledge/talk.toml`, compiled once. Knows no products."""

import re
import tomllib
from functools import lru_cache
from pathlib import Path

_PATH = Path(__file__).resolve().parent / "knowledge/talk.toml"
TALK: dict[str, dict[str, list[str] | str]] = tomllib.loads(_PATH.read_text(encoding="utf-8"))


@lru_cache(maxsize=256)
def pattern(section: str, name: str, form: str = "{}") -> re.Pattern[str]:
    """The alternatives of one entry as one pattern; `form` says what stands around them, {} for themselves."""
    return re.compile(form.replace("{}", f"(?:{'|'.join(TALK[section][name])})"))
