"""The application as the web server calls it."""

import gc
import os
from collections.abc import Iterable
from typing import Any

from django.core.wsgi import get_wsgi_application
from django.http import HttpResponse

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.site.settings")
django = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Answer a request; an answer that is whole goes out in one piece, not through the server's iterator."""
    answer = django(environ, start_response)
    if not isinstance(answer, HttpResponse):  # streamed, or a file
        return answer
    try:
        return [answer.content]
    finally:
        answer.close()


# What is loaded by now stays: the collector need not walk it again, nor look for waste every 700 objects where a page
# makes thousands that die with it.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
