"""What the grid worker's phone shows, as plain data."""

from django.utils.translation import gettext_lazy as _

POSTS = ("gridhead", "gridmanager", "gridworker", "gridpart")  # 1+1+1+N of a grid
LISTS = {"todo": _("待办"), "today": _("今日到期"), "urged": _("有人催"), "mine": _("我报的")}
COMPANIES = {"property": _("物业"), "heating": _("供热"), "water": _("供水")}  # of a compound: attribute and title
PAGE = 30
N_KINDS = 7  # categories shown as pictures; the others stand in the list behind 更多
PHONE_MINUTES = 30  # how long an opened number stays on the page (default, no source)
# A picture for a category by a word of its name; the first that fits.
PICTURE_ICONS = {
    "灯": "bulb", "井盖": "circle-dot", "水": "droplet", "漏": "droplet", "暖": "temperature", "雪": "snowflake",
    "冰": "snowflake", "垃圾": "trash", "车": "car", "消防": "flame", "电": "bolt", "噪": "volume", "树": "tree",
    "绿": "tree", "路": "road", "墙": "wall", "广告": "ad", "犬": "dog", "狗": "dog",
}
OTHER_ICON = "dots"


def picture(name: str) -> str:
    """Choose the picture of a category."""
    return next((icon for word, icon in PICTURE_ICONS.items() if word in name), OTHER_ICON)
