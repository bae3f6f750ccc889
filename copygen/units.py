"""Units as Chinese product pages write them: spelling -> dimension and factor. Knows no sentences and no products.

Physical units convert through pint, which is slow to import: it is asked once, on first use, for the few factors here.
What pint has no name for (斤, 坪, counters) is written down with its factor.
"""

from dataclasses import dataclass
from functools import lru_cache

# dimension, pint name, spellings. Simplified script; Latin spellings match as written, else in lower case.
_PHYSICAL = (
    ("length", "meter", "mm 毫米 公厘:millimeter cm 厘米 公分:centimeter dm 分米:decimeter m 米 公尺:meter km 公里 千米:kilometer"
     " 英寸 inch in 寸 吋:inch 英尺 ft 呎:foot μm um 微米:micrometer nm 纳米:nanometer"),
    ("mass", "gram", "mg 毫克:milligram g 克 公克:gram kg 千克 公斤 KG Kg:kilogram 吨:metric_ton lb 磅:pound oz 盎司 安:ounce μg 微克:microgram"),
    ("volume", "milliliter", "ml 毫升 cc:milliliter l 升 公升 立升 L:liter m³ m3 立方米 立方:meter**3"),
    ("area", "meter**2", "㎡ m² m2 平方米 平米 平方 平:meter**2 cm² 平方厘米:centimeter**2 平方英寸:inch**2 平方英尺 平方呎:foot**2"),
    ("time", "day", "ms 毫秒:millisecond 秒 秒钟 s:second 分钟 min:minute 小时 个小时 钟头 个钟头 个钟 钟 h H hr:hour"
     " 天 日 夜 晚 晚上:day 周 星期 个星期 礼拜 个礼拜:week 个月 月龄:month 年 岁 周岁:year"),
    ("power", "watt", "w W 瓦 瓦特:watt kw kW KW 千瓦:kilowatt mW:milliwatt"),
    ("charge", "milliampere*hour", "mah mAh MAH 毫安时 毫安:milliampere*hour Ah ah 安时:ampere*hour"),
    ("energy", "watt*hour", "wh Wh 瓦时:watt*hour kwh kWh 千瓦时 度电:kilowatt*hour kcal 大卡 千卡:kilocalorie kj kJ 千焦:kilojoule"),
    ("frequency", "hertz", "hz Hz 赫兹 赫:hertz khz kHz:kilohertz mhz MHz:megahertz ghz GHz:gigahertz"),
    ("voltage", "volt", "v V 伏 伏特:volt mv mV:millivolt kv kV 千伏:kilovolt"),
    ("pressure", "pascal", "Pa pa 帕:pascal kPa kpa 千帕:kilopascal MPa mpa 兆帕:megapascal bar Bar:bar"),
    ("data", "megabyte", "kb KB:kilobyte mb MB:megabyte gb GB G:gigabyte tb TB T:terabyte"),
    ("force", "newton", "N 牛 牛顿:newton"),
    ("speed", "kilometer/hour", "km/h 公里/小时 公里每小时:kilometer/hour m/s 米/秒 米每秒:meter/second"),
)
# Spellings with a factor pint does not know: dimension, factor to the dimension's base (as above), spellings.
_CHINESE = (
    ("mass", 500.0, "斤 市斤"), ("mass", 50.0, "两"), ("length", 1 / 3, "尺"), ("area", 3.305785, "坪"),
    ("area", 666.667, "亩"), ("time", 91.3, "季度 个季度 个季"), ("time", 1 / 96, "刻钟"),
    ("percent", 1.0, "% ％ 个点 个百分点"), ("percent", 10.0, "成"), ("multiple", 1.0, "倍"),
    ("degree", 1.0, "度 ° ℃ °C °c 摄氏度 °Brix"), ("sound", 1.0, "dB db 分贝 dB(A)"),
    ("money", 1.0, "元 块钱 圆 块 港币 港元 元钱"), ("money", 0.1, "毛 角 毛钱 角钱"), ("money", 0.01, "分钱"),
    ("code", 1.0, "K P D Mbps MB/s fps 帧 rpm lm 流明 nit 尼特 lux 勒克斯 dpi DPI CPI 像素 cd 丹 旦 目 姆米 克拉 米水深 ATM atm"
     " Gbps mm/s J 焦 Ω 欧 mW/cm² CFU IU mAh/g g/㎡ 克/平方米 m³/h 转/分 转/分钟 次/分 Hz/s 马力 匹 线 针 支纱"),
)
COUNTERS = frozenset(
    "个只件瓶支枝条张片层档挡段级套包袋盒罐杯碗颗粒枚把台部本册页双对卷抽盏串朵束盆株棵根圈遍次回步位人口门间室格孔轮排种款色"
    "味样道篇首句行头键声桶箱提坛捆轴核处顿餐季码转班名家户场集章组份匙勺滴缸面叶刀扇扣路挂架节粉块滚针枚尾尊幅版期课门座笔"
    "丸贴泵锭瓣代屏区侧重向边线阶寸舱腔"
)
LONG_COUNTERS = ("线程", "分区", "声道", "通道", "合一", "位数", "英尺", "件套", "重奏", "联系人", "万次", "单元", "块钱")
"""Counters of more than one character."""


@dataclass(frozen=True, slots=True)
class Unit:
    """What a spelling means: quantities of one dimension compare after multiplying with the factor."""

    dimension: str
    factor: float


@lru_cache(maxsize=1)
def units() -> dict[str, Unit]:
    """All spellings but the counters. Takes half a second the first time, for pint."""
    from pint import UnitRegistry

    registry = UnitRegistry(cache_folder=None)
    table: dict[str, Unit] = {}
    for dimension, base, groups in _PHYSICAL:
        pending: list[str] = []
        for word in groups.split():
            spelling, _, name = word.partition(":")
            pending.append(spelling)
            if name:
                factor = float(registry.Quantity(1.0, registry.parse_units(name)).to(registry.parse_units(base)).magnitude)
                table.update((one, Unit(dimension, factor)) for one in pending)
                pending.clear()
    for dimension, factor, spellings in _CHINESE:
        for spelling in spellings.split():
            # Codes compare with their own kind only: 60帧 is not 60针.
            table[spelling] = Unit(f"code:{spelling.lower()}" if dimension == "code" else dimension, factor)
    return table


def unit_of(spelling: str) -> Unit | None:
    """The unit a spelling stands for; counters are a dimension each; None when it is no unit."""
    known = units()
    if found := known.get(spelling) or known.get(spelling.lower()):
        return found
    if spelling in COUNTERS or spelling in LONG_COUNTERS:
        return Unit(f"count:{spelling}", 1.0)
    return None
