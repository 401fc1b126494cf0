from django.db import migrations

# What an auditor reads: what one person did, and what was done beside the handling of matters. Neither index is written
# by a report that comes in.
AUDIT = """
CREATE INDEX log_event_actor ON log_event (actor, id) WHERE actor LIKE 'person:%';
CREATE INDEX log_event_office ON log_event (id) WHERE verb NOT LIKE 'request.%' AND verb NOT LIKE 'demo.%';
"""


class Migration(migrations.Migration):
    dependencies = [("log", "0002_reading")]
    operations = [migrations.RunSQL(AUDIT, "DROP INDEX log_event_actor; DROP INDEX log_event_office")]
