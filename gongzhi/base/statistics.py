"""What the planner knows of the tables. A bulk load changes them faster than autovacuum looks."""

from django.apps import apps
from django.db import connection


def refresh() -> None:
    """Count the tables anew, in the caller's transaction; before PostgreSQL 17 only those of the role's own.

    Without it a query over tables that were empty a moment ago may be planned as if they still were, and run for minutes.
    """
    tables = sorted({model._meta.db_table for model in apps.get_models() if model.__module__.startswith("gongzhi.")})
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE " + ", ".join(map(connection.ops.quote_name, tables)))
