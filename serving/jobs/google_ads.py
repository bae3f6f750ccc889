"""Responsive search ads as the CSV that Google Ads Editor imports (Account > Import > From file).

Columns: support.google.com/google-ads/editor/answer/57747 (names in English; case and blanks do not matter; an empty
cell changes nothing) and the Editor's own export. Limits: support.google.com/google-ads/answer/7684791, 3 to 15
headlines and 2 to 4 descriptions. Read second-hand on 2026-11-25. Ads arrive paused: nothing runs unseen.
"""

import csv
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from copygen.label import Label
from copygen.write import WriteResult

from serving.jobs.table_out import FORMULA, RowResult

SEARCH_AD = "search_ad"
HEADLINES = range(3, 16)
DESCRIPTIONS = range(2, 5)
COPIES = 2
"""Copies to ask for where a row does not say: each has three headlines but one description, and an ad needs two."""
COLUMNS = (
    *("Campaign", "Ad Group", "Ad type", "Status", "Labels"),
    *(f"Headline {i}" for i in range(1, HEADLINES.stop)),
    *(f"Description {i}" for i in range(1, DESCRIPTIONS.stop)),
    *("Final URL", "Comment"),
)


@dataclass(frozen=True, slots=True)
class AdDefaults:
    """What an ad has where its row does not say."""

    campaign: str = "copygen"
    url: str = ""


class AdsTable:
    """One ad for each row of the channel search_ad, of all its copies together."""

    def __init__(self, path: Path, defaults: AdDefaults) -> None:
        self._out = path.open("w", encoding="utf-8-sig", errors="backslashreplace", newline="")
        self._writer = csv.DictWriter(self._out, COLUMNS, restval="")
        self._writer.writeheader()
        self._defaults = defaults
        self.written = 0
        self.left_out: Counter[str] = Counter()
        """Reason -> rows of the channel that are no ad."""

    def add(self, outcome: RowResult, labels: Sequence[Label]) -> None:
        if outcome.channel != SEARCH_AD or outcome.result is None:
            return
        ad = _ad(outcome.result, outcome.row.extra, labels, self._defaults)
        if isinstance(ad, str):
            self.left_out[ad] += 1
            return
        self._writer.writerow(ad)
        self._out.flush()
        self.written += 1

    def close(self) -> None:
        self._out.close()


def _ad(
    result: WriteResult, extra: Mapping[str, str], labels: Sequence[Label], defaults: AdDefaults
) -> dict[str, str] | str:
    """The ad's cells, or why there is none."""
    copies = [candidate.copy for candidate in result.copies]
    headlines = _usable([point for copy in copies for point in copy.points])[: HEADLINES.stop - 1]
    descriptions = _usable([copy.body for copy in copies])[: DESCRIPTIONS.stop - 1]
    url = extra.get("url") or defaults.url
    if not url.startswith(("http://", "https://")):
        return "no Final URL: add a column 链接, or --final-url"
    if len(headlines) not in HEADLINES:
        return f"fewer than {HEADLINES.start} headlines"
    if len(descriptions) not in DESCRIPTIONS:
        return f"fewer than {DESCRIPTIONS.start} descriptions: ask for more copies with a column n"
    return {
        "Campaign": _name(extra.get("campaign") or defaults.campaign),
        "Ad Group": _name(extra.get("ad_group") or result.brief.products[0].name),
        "Ad type": "Responsive search ad",
        "Status": "Paused",
        "Labels": labels[0].text,
        **{f"Headline {i}": text for i, text in enumerate(headlines, 1)},
        **{f"Description {i}": text for i, text in enumerate(descriptions, 1)},
        "Final URL": url,
        "Comment": "AIGC " + " ".join(label.produce_id for label in labels),
    }


def _usable(texts: Sequence[str]) -> list[str]:
    """Each once, without what a spreadsheet would run or the Editor read as a command ({KeyWord:…}, [])."""
    return [text for text in dict.fromkeys(texts) if text and not text.startswith((*FORMULA, "[")) and "{" not in text]


def _name(text: str) -> str:
    return text.lstrip("".join(FORMULA) + " []")
