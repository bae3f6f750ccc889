"""The price a product page asks: of all the amounts on it, the one a buyer pays for one piece."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

_AMOUNT = re.compile(
    r"(?P<sign>[￥¥]|RMB|CNY)?\s*(?P<low>\d{1,6}(?:,\d{3})*(?:\.\d{1,2})?)(?:\s*[-~–至]\s*[￥¥]?(?P<high>\d{1,6}(?:\.\d{1,2})?))?"
    r"\s*(?P<unit>元|块)?"
)
_PAID = re.compile(
    r"(?:到手|[券劵]后|折后|秒杀|活动|拼团|现|限时|预售|直播|特惠)价?格?\s*[:：】]?\s*(?:约|仅|只要)?\s*[￥¥]?$"
)
_ASKED = re.compile(
    r"(?:价格?|价\s*格|售价|价钱|单价|京东价|天猫价|Price|区间|price)\s*[:：】]?\s*(?:RMB)?\s*[￥¥]?$", re.IGNORECASE
)
_NOT_IT = re.compile(
    r"(?:原价|标价|吊牌价?|定金|门市价|会员价|市场价|满|减|抵|赠|补|加|省|返|领|券|运费|另付|差价|优惠|两[瓶盒件袋罐双支个]|[2-9][瓶盒件袋罐双支个])"
    r"\s*[:：]?\s*[￥¥]?$"
)
_NOT_MONEY = re.compile(
    r"^\s*(?:[%℃°]|[A-Za-z]|[×xX*]\s*\d|[个件支瓶盒袋克斤升天年月日次条只码寸小分秒岁度张页枚包粒款色种人位号期层位+])"
)
_TOP_LINES = 8


@dataclass(frozen=True, slots=True)
class _Offer:
    text: str
    score: float


def find_price(lines: Sequence[str]) -> tuple[str, bool]:
    """('369元', whether no other amount comes near it); ('', False) where no price is found."""
    offers: dict[str, float] = {}
    for at, line in enumerate(lines):
        for offer in _offers(line, at):
            offers[offer.text] = max(offers.get(offer.text, 0.0), offer.score)
    ranked = sorted(offers.items(), key=lambda item: -item[1])
    if not ranked:
        return "", False
    return ranked[0][0], len(ranked) == 1 or ranked[0][1] - ranked[1][1] >= 1.0


def _offers(line: str, at: int) -> list[_Offer]:
    found: list[_Offer] = []
    for match in _AMOUNT.finditer(line):
        before, after = line[: match.start()].rstrip(), line[match.end() :]
        if match["sign"]:
            before = f"{before}{match['sign']}"
        asked, paid = bool(_ASKED.search(before)), bool(_PAID.search(before))
        marked = bool(match["sign"] or match["unit"])
        other = not (marked or asked or paid) or (not marked and bool(_NOT_MONEY.match(after)))
        # '一瓶 39.9' at the top of a page is a price without any mark
        apiece = at < _TOP_LINES and bool(re.search(r"[一每1][瓶盒件袋罐双支个份只把]\s*$", before))
        if (other and not apiece) or _NOT_IT.search(before):
            continue
        score = 4.0 * paid + 3.0 * (asked and not paid) + 1.5 * bool(match["sign"]) + 0.5 * bool(match["unit"])
        score += max(0.0, 1.5 - 0.15 * at) - 0.1 * len(found)
        text = match["low"].replace(",", "") + (f"-{match['high']}" if match["high"] else "")
        found.append(_Offer(f"{text}元", score))
    return found
