"""Kinds of places, their order, and the shape of their codes."""

import math
import re

from gongzhi.base.errors import Refused

# From the root down, and what each is called on the screen (docs/words.md).
KINDS = {
    "city": "市",
    "district": "区县",
    "street": "街道",
    "community": "社区",
    "grid": "网格",
    "compound": "小区",
    "building": "楼栋",
}
ABOVE = {  # the kinds a place may hang under; a grid always belongs to a community (DB6101/T 3185, excerpt read)
    "city": (None,),
    "district": (None, "city"),
    "street": ("district",),
    "community": ("street",),
    "grid": ("community",),
    "compound": ("grid", "community"),
    "building": ("compound", "grid"),
}
IN_MEMORY = ("city", "district", "street", "community", "grid", "compound")
SYSTEMS = {"nbs": "统计用区划代码", "grid": "网格编码", "qr": "现场二维码"}
SYSTEM_OF = {"city": "nbs", "district": "nbs", "street": "nbs", "community": "nbs", "grid": "grid"}
ZEROS = {"city": "00000000", "district": "000000", "street": "000", "community": ""}
QR = re.compile(r"[0-9A-Za-z-]{4,20}\Z")
EARTH = 6_371_008.8  # mean radius in metres (IUGG)


def check_code(kind: str, system: str, code: str, community_code: str = "") -> None:
    """Refuse a code that cannot be one of its system; a city's own QR codes are 4 to 20 letters and digits."""
    if system == "qr":
        if not QR.match(code):
            raise Refused("二维码编号应为 4 到 20 位字母、数字或短横线。", "code")
    elif system == "nbs":
        _check_division(kind, code)
    elif system == "grid":
        _check_grid(kind, code, community_code)
    else:
        raise Refused("没有这种编码。", "system")


def _check_division(kind: str, code: str) -> None:
    """Check the 12 digits 县以上 6 + 街道 3 + 居村 3.

    Source: the statistics bureau's division codes over GB/T 2260 and GB/T 10114. Street part 001–099 街道, 100–199 镇,
    200–399 乡, 400–599 政企合一单位. The first six are not looked up: the bureau's set has zones that GB/T 2260 lacks.
    """
    if kind not in ZEROS or not re.fullmatch(r"[1-9]\d{11}", code):
        raise Refused("统计用区划代码应为 12 位数字，用于市、区县、街道和社区。", "code")
    if not code.endswith(ZEROS[kind]):
        raise Refused(f"{KINDS[kind]}的代码末 {len(ZEROS[kind])} 位应为 0。", "code")
    if kind in ("street", "community") and not 1 <= int(code[6:9]) <= 599:
        raise Refused("代码第 7 到 9 位（街道、镇、乡）应在 001 到 599 之间。", "code")
    if kind == "community" and code[9:] == "000":
        raise Refused("代码末 3 位（社区、村）不能是 000。", "code")


def _check_grid(kind: str, code: str, community_code: str) -> None:
    """Check the 15 digits 区县 6 + 街道 3 + 社区 3 + 网格 3 (GB/T 30428.1 lineage, DB11; read in excerpts)."""
    if kind != "grid" or not re.fullmatch(r"[1-9]\d{14}", code) or code.endswith("000"):
        raise Refused("网格编码应为 15 位数字：12 位社区代码加 3 位顺序码，从 001 起。", "code")
    if community_code and not code.startswith(community_code):
        raise Refused(f"网格编码的前 12 位应为所属社区的代码 {community_code}。", "code")


def check_point(lon: float, lat: float) -> bool:
    """Say whether two numbers can be a position on earth."""
    return math.isfinite(lon) and math.isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90


def distance_m(lon: float, lat: float, other_lon: float, other_lat: float) -> float:
    """Give the metres between two points (haversine)."""
    a, b = math.radians(lat), math.radians(other_lat)
    x, y = math.sin((b - a) / 2), math.sin(math.radians(other_lon - lon) / 2)
    return 2 * EARTH * math.asin(min(1.0, math.sqrt(x * x + math.cos(a) * math.cos(b) * y * y)))
