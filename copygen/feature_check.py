"""Finds functions, materials, origins, awards and services in a copy that the brief does not give. No numbers, no law."""

import re
from functools import lru_cache

from copygen.checkable import Term, lexicon
from copygen.claims import Claim, Claims, Fault

_NEGATED = re.compile(
    r"(?:不|没|没有|无|未|非|免|别|少|怕|告别|不用|不必|不再|不是|代替|替代|替|拒绝|像|如|似|仿|堪比|媲美|以前|以往|从前|那种|普通|一般|比)[^，,。]{0,2}$"
)
_LIKENED = re.compile(r"^(?:似的|一样|般|感(?!应)|味|色|香|风|调|纹|同款|的感觉|质感)")
_BESIDE = re.compile(r"(?:搭|配|换|衬|叠|旁|放在?|摆|铺|靠|塞|装|盛|买|逛|骑|桌|墙)[^，,。]{0,6}$")
_PLACES = (
    "日本 韩国 德国 法国 意大利 西班牙 美国 澳洲 澳大利亚 新西兰 泰国 智利 荷兰 瑞士 英国 加拿大 比利时 挪威 丹麦 希腊 土耳其 埃及"
    " 印尼 越南 马来西亚 菲律宾 巴西 俄罗斯 埃塞俄比亚 哥伦比亚 阿根廷 葡萄牙 奥地利 北欧 欧洲 南极 南美 非洲 斯里兰卡 印度 尼泊尔"
    " 北京 上海 天津 重庆 河北 山西 辽宁 吉林 黑龙江 江苏 浙江 安徽 福建 江西 山东 河南 湖北 湖南 广东 海南 四川 贵州 云南 陕西 甘肃"
    " 青海 台湾 内蒙古 广西 西藏 宁夏 新疆 香港 景德镇 宜兴 龙泉 德化 五常 阿克苏 长白山 武夷山 安溪 新会 宁德 赣南 烟台 洛川 苏州 杭州"
)
_PLACE = re.compile("|".join(sorted(_PLACES.split(), key=len, reverse=True)))
_FROM = re.compile(r"(?:产自|来自|产于|源自|采自|选自|取自|进口自|甄选|直采|原产)$")
_MADE = re.compile(r"^(?:原装|进口|产|原产|直采|直发|工艺|技术|制造|出品|品牌|设计|特产|空运)")
_ORIGIN_NAME = re.compile(r"产地|产区|原产|来源|蜜源|茶区|源地")
# What is claimed in so many words, whoever the product is: what must be sold, kept or lived in within no time at all.
_SAYINGS = (
    ("使用效果", re.compile(r"当[晚天日]就?(?:能|可以?)(?:入?住|用|吃|睡|穿|搬)|即刷即住|现刷现住")),
    ("销量口碑", re.compile(r"(?:月|日|年|周)销|销量|热销|畅销|卖出|售出|卖了?[\d一二三四五六七八九十百千万上过数]+万|回购率|复购|好评如潮|好评率|万人")),
    ("年头传承", re.compile(r"百年(?:老店|品牌|传承|工艺|历史|老牌)|[一二三四五六七八九十\d]+年(?:老店|老字号|匠心|老品牌)|[三四五六七八九\d]代(?:人的?手艺|传承|单传|匠人)|传承百年")),
)
_OWN_NOUN = re.compile(r"[\u3400-\u9fff]{2}")


def find_unsupported(context: str, start: int, claims: Claims) -> list[Fault]:
    """Faults in one clause: checkable words nothing in the brief supports.

    Args:
        context: The clause in plain form.
        start: Its offset in the text.
    """
    faults = []
    for at, term in lexicon().find(context):
        before, after = context[:at], context[at + len(term.word) :]
        if supports(term, claims) or _is_scene(term, before, after):
            continue
        faults.append(Fault("invented_feature", start + at, start + at + len(term.word), f"{term.kind}“{term.word}”", None))
    for kind, saying in _SAYINGS:
        for match in saying.finditer(context):
            if match[0] not in claims.text:
                faults.append(Fault("invented_feature", start + match.start(), start + match.end(), f"{kind}“{match[0]}”", None))
    faults += _foreign_origins(context, start, claims)
    return faults


def _is_scene(term: Term, before: str, after: str) -> bool:
    if _NEGATED.search(before):
        return True
    return term.kind in ("材料", "成分") and bool(_LIKENED.match(after) or _BESIDE.search(before))


@lru_cache(maxsize=65536)
def supports(term: Term, claims: Claims) -> bool:
    """Whether the brief gives the term, a synonym, a kind of it, or all its characters in one place."""
    text = claims.text.lower()
    if any(word in text for word in term.support):
        return True
    return len(term.word) > 2 and any(_covers(claim, term.word) for claim in claims.items)


def _covers(claim: Claim, word: str) -> bool:
    return set(word.lower()) <= set(f"{claim.name}{claim.text}".lower())


def _foreign_origins(context: str, start: int, claims: Claims) -> list[Fault]:
    """Places told as where the product or its material comes from, other than those given."""
    faults = []
    for match in _PLACE.finditer(context):
        place, before, after = match[0], context[: match.start()], context[match.end() :]
        if place in claims.text or _NEGATED.search(before):
            continue
        noun = _OWN_NOUN.match(after)
        own = noun and any(noun[0] in claim.text for claim in claims.items if not claim.source.startswith(("facts", "audience")))
        if not (own or _FROM.search(before) or _MADE.match(after)):
            continue
        given = next((claim for claim in claims.items if _ORIGIN_NAME.search(claim.name)), None)
        label = "wrong_value" if given else "invented_feature"
        faults.append(Fault(label, start + match.start(), start + match.end(), f"产地“{place}”", given))
    return faults
