"""What the planner knows of the tables. A bulk load changes them faster than autovacuum looks."""

from django.db import connection


def refresh() -> None:
    """Count the tables anew, in the caller's transaction; before PostgreSQL 17 only those of the role's own.

    Without it a query over tables that were empty a moment ago may be planned as if they still were, and run for minutes.
    """
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
