"""`gongzhi worker`: advance projections and clocks, send messages, do jobs, until SIGTERM."""

import logging
import os
import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from gongzhi.site import worker


class Command(BaseCommand):
    help = "Advance projections and clocks, send messages and do jobs, until SIGTERM or Ctrl-C. Any number may run."
    requires_system_checks: list[str] = []  # pages are the web server's matter

    def handle(self, *args: Any, **options: Any) -> None:
        stop = threading.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.set())
        worker.run(stop)
        logging.shutdown()
        os._exit(0)  # a step that is still waiting for a gateway is taken up again by the next worker
