"""Seasons and festivals a text names. Knows no calendar: '夏' is a word here, not a range of dates."""

import re

_FESTIVALS = "春节|新年|年货|元宵|清明|端午|七夕|中秋|国庆|重阳|圣诞|情人节|母亲节|父亲节|儿童节|开学|梅雨|换季"
_FESTIVAL = re.compile(_FESTIVALS)
_SEASON = re.compile(r"[春夏秋冬](?=[季天日夜装款春夏秋冬])|(?<=[盛初早晚深隆寒仲暮春夏秋冬])[春夏秋冬]")
"""青春 and 夏威夷 are no seasons: within a sentence the character needs company."""
_ANY = re.compile(f"[春夏秋冬]|四季|{_FESTIVALS}")
_NONE: frozenset[str] = frozenset()


def seasons_in(text: str, *, is_season: bool = False) -> frozenset[str]:
    """What a Simplified text names; is_season: the text is nothing else, so single characters count."""
    if not _ANY.search(text):
        return _NONE
    festivals = set(_FESTIVAL.findall(text))
    rest = _FESTIVAL.sub(" ", text)
    if "四季" in rest:
        return frozenset("春夏秋冬") | festivals
    seasons = {c for c in rest if c in "春夏秋冬"} if is_season else set(_SEASON.findall(rest))
    return frozenset(festivals | seasons)
