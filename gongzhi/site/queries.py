"""Reading long work, and whose city this is."""

from django.conf import settings
from django.db.models import QuerySet

from gongzhi.base import progress
from gongzhi.base.models import Progress
from gongzhi.org.models import Person
from gongzhi.places.models import Place

POURING = "demo-reports"  # the row of demo/living.py
SHOWN = 100


def works() -> QuerySet[Progress]:
    """List long work, what began last first."""
    return Progress.objects.order_by("-started_at", "-id")[:SHOWN]


def pouring() -> Progress | None:
    """Find the demo's reports while they are being lived; None outside a demo."""
    return progress.running(POURING) if settings.GONGZHI_DEMO else None


def made_by_no_demo() -> bool:
    """Tell whether places are there without the made-up people that every demo has: a real city, begun or at work."""
    return Place.objects.exists() and not Person.objects.filter(made_up=True).exists()
