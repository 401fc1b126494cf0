"""What is taken for a photo, a recording, a document, by what is in it."""

import io
import zipfile

import pytest
from PIL import Image

from gongzhi.base import files
from gongzhi.base.errors import Refused

pytestmark = pytest.mark.django_db
OLD = files.OLD_OFFICE + bytes(600)


def photo(kind: str, **more: object) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (40, 30), "red").save(out, kind, **more)
    return out.getvalue()


def archive(*names: str) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name in names:
            made.writestr(name, "x")
    return out.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "MPO"])
def test_photos_of_every_usual_kind_are_kept(kind: str) -> None:
    assert files.store_photo(photo(kind)).stored.media_type == "image/jpeg"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_photo_with_damaged_exif_is_kept_without_a_position(kind: str) -> None:
    assert files.store_photo(photo(kind, exif=b"Exif\0\0damaged all through")).position is None


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_a_cut_or_damaged_photo_is_refused_or_kept_but_never_breaks(kind: str) -> None:
    whole = photo(kind)
    for at in range(0, len(whole), max(1, len(whole) // 40)):
        for data in (whole[:at], whole[:at] + b"\xff\0\xee" + whole[at + 3:]):
            try:
                files.store_photo(data)
            except Refused as refused:
                assert refused.field == "photos"


@pytest.mark.parametrize(("data", "media_type"), [
    (b"%PDF-1.4", "application/pdf"),
    (archive("[Content_Types].xml", "word/document.xml"), files.ZIPPED["word/"]),
    (archive("[Content_Types].xml", "xl/workbook.xml"), files.ZIPPED["xl/"]),
    (OLD + "WordDocument".encode("utf-16-le"), files.WORD),
    (OLD + "Workbook".encode("utf-16-le"), files.EXCEL),
])
def test_pdf_word_and_excel_are_taken_for_what_they_are(data: bytes, media_type: str) -> None:
    assert files.store_document(data).media_type == media_type


@pytest.mark.parametrize("data", [archive("setup.exe"), archive("word/document.xml"), archive("[Content_Types].xml"),
                                  b"PK\x03\x04 cut", OLD, b"MZ", b""])
def test_other_archives_are_no_documents(data: bytes) -> None:
    with pytest.raises(Refused, match="Word 和 Excel"):
        files.store_document(data)


def test_a_recording_in_a_riff_must_be_a_wave() -> None:
    assert files.store_voice(b"RIFF\0\0\0\0WAVEfmt ").media_type == "audio/wav"
    for wrong in (b"RIFF\0\0\0\0WEBPVP8 ", b"RIFF", photo("WEBP")):
        with pytest.raises(Refused, match="录音"):
            files.store_voice(wrong)
