"""A merchant's own block and allow lists as uploaded text. Knows how they are written, not what they are for."""

import re

from copygen.errors import InvalidFile

MAX_WORDS = 5000
MAX_WORD_CHARS = 40
_MARK = re.compile(r"[,，、;；\t]")
_LETTER = re.compile(r"\w")


def parse_word_list(text: str, source: str = "word list") -> list[str]:
    """Words of a list: one a line or with commas (either kind), # begins a comment; doubles dropped.

    Args:
        source: The list's name, for messages.

    Raises:
        InvalidFile: No word at all, a word without any letter or longer than 40 characters (a sentence is no word), or
            more than 5,000 words; names the line.
    """
    words: dict[str, None] = {}
    for number, line in enumerate(text.lstrip("\ufeff").splitlines(), 1):
        for part in _MARK.split(line.split("#", 1)[0]):
            word = part.strip().strip("\"'“”")
            if not word:
                continue
            if not _LETTER.search(word):
                raise InvalidFile(f"{word!r} has no letter; it would match everywhere", path=source, line=number)
            if len(word) > MAX_WORD_CHARS:
                raise InvalidFile(
                    f"{word[:20]!r}… has {len(word)} characters, at most {MAX_WORD_CHARS}; write one word a line",
                    path=source,
                    line=number,
                )
            words[word] = None
    if not words:
        raise InvalidFile("no words; write one a line or separate them with commas", path=source)
    if len(words) > MAX_WORDS:
        raise InvalidFile(f"{len(words)} words; at most {MAX_WORDS} are taken", path=source)
    return list(words)
