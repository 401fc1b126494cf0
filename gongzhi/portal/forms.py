"""What a resident typed, read once, with what is wrong in plain words. Nothing typed or sent is lost by a mistake."""

import uuid
from dataclasses import dataclass, field

import phonenumbers
from django.http import HttpRequest
from django.utils.translation import gettext as _

from gongzhi.base import files
from gongzhi.base.errors import Refused
from gongzhi.base.models import StoredFile
from gongzhi.requests import forms as acts

WORDS, ADDRESS, PHOTOS = 5000, 160, 6  # as many characters as the form field of the process takes
ORDER = ["words", "voice", "photos", "place", "address", "phone"]


@dataclass(frozen=True)
class Kept:
    """A file that was taken in although the form was not; `token` names it to us, and to nobody else."""

    sha256: str
    token: str


@dataclass
class Report:
    """The report form as it stands."""

    key: str = field(default_factory=lambda: uuid.uuid4().hex)
    channel: str = "portal"
    words: str = ""
    address: str = ""
    phone: str = ""
    q: str = ""
    lon: float | None = None
    lat: float | None = None
    place_id: int | None = None
    compound_id: int | None = None
    device: bool = False  # the point is the device's own position
    photos: list[tuple[str, bytes]] = field(default_factory=list)
    voice: bytes | None = None
    kept_photos: list[Kept] = field(default_factory=list)
    kept_voice: list[Kept] = field(default_factory=list)
    photo_position: tuple[float, float] | None = None
    faults: dict[str, str] = field(default_factory=dict)

    @property
    def first(self) -> str:
        """Name the first wrong field, which takes the focus."""
        return next((name for name in ORDER if name in self.faults), "")

    @property
    def step(self) -> int:
        """Say which of the three steps the first fault is on."""
        return {"": 1, "words": 1, "voice": 1, "photos": 1, "place": 2, "address": 2}.get(self.first, 3)


def read_report(request: HttpRequest) -> Report:
    """Read a posted report and check it; its files are in memory until it is sent on or sent back."""
    post = request.POST
    report = Report(
        key=post.get("key", "")[:40] or uuid.uuid4().hex,
        channel="qr" if post.get("channel") == "qr" else "portal",
        words=_text(post.get("words")), address=_text(post.get("address")), phone=_text(post.get("phone")),
        q=_text(post.get("q"))[:120], lon=read_number(post.get("lon")), lat=read_number(post.get("lat")),
        place_id=read_id(post.get("place")), compound_id=read_id(post.get("compound")),
        device=post.get("device") == "1",
        kept_photos=_kept(post.getlist("kept_photos")), kept_voice=_kept(post.getlist("kept_voice")),
    )
    _take_files(request, report)
    _check(report)
    return report


def _take_files(request: HttpRequest, report: Report) -> None:
    report.photos = [(str(f.name), f.read()) for f in request.FILES.getlist("photos")]
    report.voice = next((f.read() for f in request.FILES.getlist("voice")), None)
    if len(report.photos) + len(report.kept_photos) > PHOTOS:
        report.faults["photos"] = _("最多 %(n)s 张照片，多的没有收下。") % {"n": PHOTOS}
        report.photos = report.photos[: max(0, PHOTOS - len(report.kept_photos))]


def keep_files(report: Report) -> None:
    """Take in the files of a form that goes back to be mended; those that cannot be opened are named and dropped."""
    for name, data in report.photos:
        try:
            photo = files.store_photo(data)
        except Refused as fault:
            report.faults["photos"] = f"{name}：{fault.sentence}"
            continue
        report.kept_photos.append(_keep(photo.stored))
        report.photo_position = report.photo_position or photo.position
    if report.voice is not None:
        try:
            report.kept_voice = [_keep(files.store_voice(report.voice))]
        except Refused as fault:
            report.faults["voice"] = fault.sentence
    report.photos, report.voice = [], None


def all_photos(report: Report) -> list[bytes]:
    """Give the bytes of all photos, those kept from before first."""
    return [files.path_of(k.sha256).read_bytes() for k in report.kept_photos] + [data for _name, data in report.photos]


def the_voice(report: Report) -> bytes | None:
    """Give the bytes of the recording, the newest one."""
    if report.voice is None and report.kept_voice:
        return files.path_of(report.kept_voice[0].sha256).read_bytes()
    return report.voice


def _check(report: Report) -> None:
    if not (report.words or report.photos or report.voice or report.kept_photos or report.kept_voice):
        report.faults["words"] = _("说话、打字、拍照，至少要有一样。")
    if len(report.words) > WORDS:
        report.faults["words"] = _("最多 %(most)s 个字，您写了 %(n)s 个。") % {"most": WORDS, "n": len(report.words)}
    if len(report.address) > ADDRESS:
        report.faults["address"] = _("最多 %(most)s 个字。") % {"most": ADDRESS}
    if report.phone:
        try:
            report.phone = read_phone(report.phone)
        except Refused as fault:
            report.faults["phone"] = fault.sentence


def read_phone(text: str) -> str:
    """Bring a phone number to its digits; raise Refused with what is wrong with it."""
    wrong = _("电话号码不对：手机号要 11 位，座机要带区号，例如 0471-5550102。")
    digits = sum(c.isdecimal() for c in text)
    if text.lstrip("+").lstrip().startswith("1") and digits != 11 and text.replace(" ", "").isdecimal():
        raise Refused(_("手机号要 11 位，您填了 %(n)s 位。") % {"n": digits}, field="phone")
    if any(c.isalpha() for c in text):
        raise Refused(_("电话号码里不能有字母或汉字。"), field="phone")
    try:
        number = phonenumbers.parse(text, "CN")
    except phonenumbers.NumberParseException as fault:
        raise Refused(wrong, field="phone") from fault
    if not phonenumbers.is_possible_number(number):
        raise Refused(wrong, field="phone")
    if number.country_code == 86:
        return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL).replace(" ", "")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _keep(stored: StoredFile) -> Kept:
    return Kept(stored.sha256, acts.keep(stored))


def _kept(tokens: list[str]) -> list[Kept]:
    found = [(acts.kept_photo(token), token) for token in tokens[:PHOTOS]]
    return [Kept(sha256, token) for sha256, token in found if sha256]


def _text(value: str | None) -> str:
    return (value or "").replace("\x00", "").strip()


def read_number(value: str | None) -> float | None:
    try:
        number = float(value or "")
    except ValueError:
        return None
    return number if abs(number) <= 180 else None


def read_id(value: str | None) -> int | None:
    return int(value) if value and value.isdecimal() and len(value) < 18 else None
