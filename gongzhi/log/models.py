"""The log itself is plain SQL: the table in migrations/0001_log.py, appending in actions.py, reading in queries.py."""

from django.db import models


class Cursor(models.Model):
    """How far a projection has read."""

    name = models.CharField(max_length=60, primary_key=True)
    era = models.IntegerField(default=0)
    xid = models.BigIntegerField(default=0)
    id_read = models.BigIntegerField(default=0)
    read_at = models.DateTimeField(null=True)


class Cluster(models.Model):
    """Which PostgreSQL cluster wrote this log, so that a restored copy starts a new era before it writes."""

    system_identifier = models.BigIntegerField()
    era = models.IntegerField()
    noted_at = models.DateTimeField()
