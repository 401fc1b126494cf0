"""Photos, voice and documents on disk under the home folder, by SHA-256. Photos are re-encoded, which drops EXIF."""

import hashlib
import io
import math
import os
import zipfile
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef
from PIL import Image, ImageOps

from gongzhi.base import clock
from gongzhi.base.errors import Refused
from gongzhi.base.models import StoredFile

PHOTO_LIMIT = 12 * 1024 * 1024
VOICE_LIMIT = 6 * 1024 * 1024
DOCUMENT_LIMIT = 20 * 1024 * 1024
LONG_SIDE = 1920
PHOTOS = ("JPEG", "PNG", "WEBP", "GIF", "BMP")  # JPEG: also the MPO of phones with two lenses
VOICE = {b"\x1aE\xdf\xa3": "audio/webm", b"OggS": "audio/ogg", b"ID3": "audio/mpeg"}
WORD, EXCEL = "application/msword", "application/vnd.ms-excel"
OFFICE = "application/vnd.openxmlformats-officedocument."
ZIPPED = {"word/": OFFICE + "wordprocessingml.document", "xl/": OFFICE + "spreadsheetml.sheet"}
STREAMS = {"WordDocument": WORD, "Workbook": EXCEL, "Book": EXCEL}  # of the files Word and Excel wrote before 2007
OLD_OFFICE, ZIP, PDF = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", b"PK\x03\x04", b"%PDF"
DOCUMENTS = (PDF, ZIP, OLD_OFFICE)  # what begins so was meant as a document
UNUSED_FOR = timedelta(days=2)  # how long a file waits for its form: longer than a form that is mended may take …
STALE = timedelta(hours=12)  # … because a file that is stored again after this counts as new
KEEP = "SELECT * FROM base_storedfile WHERE sha256 = %s FOR KEY SHARE"
Image.MAX_IMAGE_PIXELS = 60_000_000  # a 50-megapixel phone photo passes, a decompression bomb does not


@dataclass(frozen=True)
class Photo:
    """A re-encoded photo and, where its EXIF had one, the position it was taken at (lon, lat; WGS-84)."""

    stored: StoredFile
    position: tuple[float, float] | None


def store_photo(data: bytes) -> Photo:
    """Re-encode and store a photo; raise Refused with a plain sentence for anything else."""
    if len(data) > PHOTO_LIMIT:
        raise Refused("照片超过 12 MB，请换一张小一些的。", field="photos")
    try:
        opened = Image.open(io.BytesIO(data), formats=PHOTOS)
        opened.load()
    except Exception as fault:  # of a damaged file Pillow raises whatever it stumbles over
        raise Refused("这个文件不是能打开的照片，请重新选择。", field="photos") from fault
    position, image = _position(opened), _upright(opened).convert("RGB")
    image.thumbnail((LONG_SIDE, LONG_SIDE))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=82, optimize=True)
    return Photo(_store(out.getvalue(), "image/jpeg"), position)


def store_voice(data: bytes) -> StoredFile:
    """Store a recording as it came; raise Refused unless its first bytes are those of a sound file."""
    if len(data) > VOICE_LIMIT:
        raise Refused("录音超过 6 MB，请说短一些。", field="voice")
    media_type = _voice_type(data)
    if not media_type:
        raise Refused("这个文件不是能播放的录音。", field="voice")
    return _store(data, media_type)


def store_document(data: bytes) -> StoredFile:
    """Store a PDF or Office document; raise Refused for anything else."""
    if len(data) > DOCUMENT_LIMIT:
        raise Refused("文件超过 20 MB。", field="evidence")
    media_type = _document_type(data)
    if not media_type:
        raise Refused("只收 PDF、Word 和 Excel 文件。", field="evidence")
    return _store(data, media_type)


def path_of(sha256: str) -> Path:
    """Tell where the bytes of a file lie."""
    return Path(settings.GONGZHI_HOME) / "files" / sha256[:2] / sha256


def _voice_type(data: bytes) -> str:
    """Tell the kind of a recording by its first bytes; the empty string for anything else."""
    for magic, media_type in VOICE.items():
        if data.startswith(magic):
            return media_type
    if data[:4] == b"RIFF" and data[8:12] == b"WAVE":
        return "audio/wav"
    if data[4:8] == b"ftyp":
        return "audio/mp4"
    return "audio/mpeg" if data[:2] in (b"\xff\xfb", b"\xff\xf1", b"\xff\xf9") else ""


def _document_type(data: bytes) -> str:
    """Tell a PDF, Word or Excel file by what is in it; the empty string for anything else, other archives among them."""
    if data.startswith(PDF):
        return "application/pdf"
    if data.startswith(OLD_OFFICE):
        return next((kind for name, kind in STREAMS.items() if name.encode("utf-16-le") in data), "")
    if not data.startswith(ZIP):
        return ""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            names = archive.namelist()
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return ""
    kinds = [kind for folder, kind in ZIPPED.items() if any(name.startswith(folder) for name in names)]
    return kinds[0] if kinds and "[Content_Types].xml" in names else ""


def _store(data: bytes, media_type: str) -> StoredFile:
    """Keep bytes, once. First the row is locked against the sweep, then the bytes are looked for.

    Inside a transaction the lock lasts until what points to the file is there too; outside, the file counts as new.
    """
    digest = hashlib.sha256(data).hexdigest()
    with transaction.atomic():
        while (stored := _locked(digest)) is None:  # again where it was swept just now
            new = StoredFile(sha256=digest, media_type=media_type, size=len(data), stored_at=clock.now())
            StoredFile.objects.bulk_create([new], ignore_conflicts=True)
        if stored.stored_at < clock.now() - STALE:
            stored.media_type, stored.size, stored.stored_at = media_type, len(data), clock.now()
            stored.save()
        _write(path_of(digest), data)
    return stored


def _locked(digest: str) -> StoredFile | None:
    """Find a row and keep it: any number may hold it so, as the rows that point to it do, but no sweep."""
    return next(iter(StoredFile.objects.raw(KEEP, [digest])), None)


def _write(path: Path, data: bytes) -> None:
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}.part")
    with open(part, "wb") as out:
        out.write(data)
        out.flush()
        os.fsync(out.fileno())
    part.replace(path)


def sweep() -> int:
    """Delete files of two days ago that nothing points to: chosen for a form that was never sent; return how many."""
    before = clock.now() - UNUSED_FOR
    _adopt(before)
    old = StoredFile.objects.filter(stored_at__lt=before)
    for model, field in _pointing():
        old = old.filter(~Exists(model.objects.filter(**{field: OuterRef("pk")})))
    return sum(_drop(digest, before) for digest in list(old.values_list("pk", flat=True)))


@transaction.atomic
def _drop(digest: str, before: datetime) -> bool:
    """Delete a file if it is still old and unused; False otherwise.

    The lock comes first and the look second: whoever has attached it is seen, and whoever stores the same bytes has the
    row locked or made new; from now on he waits, finds it gone, and writes both anew. So the bytes go before the commit.
    (Pointing to a file locks nothing before its commit: foreign keys are checked then.)
    """
    rows = StoredFile.objects.select_for_update(skip_locked=True).filter(pk=digest, stored_at__lt=before)
    row = rows.first()
    if row is None or any(model.objects.filter(**{field: digest}).exists() for model, field in _pointing()):
        return False
    row.delete()
    path_of(digest).unlink(missing_ok=True)
    return True


def _pointing() -> list[tuple[Any, str]]:
    """List every table and column of whatever room that points to files."""
    return [(found.related_model, found.field.name) for found in StoredFile._meta.related_objects]


def _adopt(before: datetime) -> None:
    """Give bytes without a row, because it was rolled back, a row to be swept by; delete files written only by half."""
    for folder in (Path(settings.GONGZHI_HOME) / "files").glob("??"):
        old = {path.name: path.stat() for path in folder.iterdir() if path.stat().st_mtime < before.timestamp()}
        for half in [name for name in old if "." in name]:
            (folder / half).unlink(missing_ok=True)
            del old[half]
        known = set(StoredFile.objects.filter(pk__in=old).values_list("pk", flat=True))
        StoredFile.objects.bulk_create([
            StoredFile(sha256=name, size=stat.st_size, stored_at=datetime.fromtimestamp(stat.st_mtime, clock.CHINA))
            for name, stat in old.items() if name not in known], ignore_conflicts=True)


def _upright(image: Image.Image) -> Image.Image:
    """Turn a photo as its EXIF says; one whose EXIF is damaged stays as it lies."""
    try:
        return ImageOps.exif_transpose(image)
    except Exception:  # Pillow raises whatever it stumbles over
        return image


def _position(image: Image.Image) -> tuple[float, float] | None:
    try:
        gps = image.getexif().get_ifd(0x8825)
        lat, lon = (_degrees(gps[k]) * (-1 if gps[k - 1] in ("S", "W") else 1) for k in (2, 4))
    except Exception:  # no position, or a damaged one
        return None
    return (lon, lat) if math.isfinite(lon) and math.isfinite(lat) and (lon or lat) else None


def _degrees(parts: tuple[float, float, float]) -> float:
    degrees, minutes, seconds = (float(p) for p in parts)
    return degrees + minutes / 60 + seconds / 3600
