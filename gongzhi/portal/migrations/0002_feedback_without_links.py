"""Take the secret of residents' links out of what was kept with feedback."""

from django.db import migrations

FORGET = r"""
UPDATE portal_feedback SET page = regexp_replace(page, '/r/(with/)?[0-9]{10}/[^/?#]+', '/r/…')
WHERE page ~ '/r/(with/)?[0-9]{10}/'
"""


class Migration(migrations.Migration):

    dependencies = [
        ("portal", "0001_initial"),
    ]

    operations = [
        migrations.RunSQL(FORGET, migrations.RunSQL.noop),
    ]
