"""Drawn stand-ins for photos and documents, so that evidence is there and nobody's street is shown."""

from __future__ import annotations

import io
import random
from functools import cache

from PIL import Image, ImageDraw

VARIETY = 8  # pictures of each sort: the store keeps the same bytes once


@cache
def photo(sort: str, n: int) -> bytes:
    """Return a JPEG of a made-up street: `sort` is problem or solved, n one of VARIETY."""
    rng = random.Random(f"{sort} {n}")
    image = Image.new("RGB", (960, 720), (176 + rng.randint(0, 40), 200 + rng.randint(0, 30), 224))
    draw = ImageDraw.Draw(image)
    x = -30
    while x < 960:
        width, top, shade = rng.randint(90, 190), rng.randint(120, 330), rng.randint(120, 190)
        draw.rectangle((x, top, x + width, 480), fill=(shade, shade - 12, shade - 26))
        for wx in range(x + 14, x + width - 20, 34):
            for wy in range(top + 16, 450, 40):
                lit = rng.random() < 0.3
                draw.rectangle((wx, wy, wx + 16, wy + 22), fill=(238, 214, 150) if lit else (92, 110, 132))
        x += width + rng.randint(6, 40)
    draw.rectangle((0, 480, 960, 720), fill=(122, 124, 128))
    draw.rectangle((0, 470, 960, 500), fill=(158, 152, 142))
    for lane in range(40, 960, 170):
        draw.rectangle((lane, 600, lane + 90, 608), fill=(226, 226, 220))
    if sort == "problem":
        spot = rng.randint(180, 640)
        draw.ellipse((spot, 530, spot + 220, 640), fill=(64, 60, 58))
        for _ in range(26):
            px, py = spot + rng.randint(-30, 240), rng.randint(520, 650)
            draw.ellipse((px, py, px + rng.randint(8, 34), py + rng.randint(6, 22)), fill=(104, 92, 80))
    out = io.BytesIO()
    image.save(out, "JPEG", quality=80)
    return out.getvalue()


@cache
def document(n: int) -> bytes:
    """Return a one-page PDF that says it is made up."""
    text = f"BT /F1 18 Tf 72 720 Td (Demo record no. {n + 1}. Made up, not an official document.) Tj ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R "
        "/Resources << /Font << /F1 << /Type /Font /Subtype /Type1 /BaseFont /Helvetica >> >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
    ]
    out, starts = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        starts.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = "".join(f"{start:010d} 00000 n \n" for start in starts)
    trailer = f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{len(out)}\n%%EOF\n"
    return (f"{out}xref\n0 {len(objects) + 1}\n0000000000 65535 f \n{table}{trailer}").encode("ascii")
