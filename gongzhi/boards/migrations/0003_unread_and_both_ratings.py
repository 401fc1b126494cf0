"""Keep apart what ended unread, whom only the hotline may call, and both values of a changed rating."""

from django.db import migrations, models

# The projection reads the whole log again: its tables are made of nothing else.
AGAIN = "DELETE FROM boards_fact; DELETE FROM boards_day; DELETE FROM log_cursor WHERE name = 'boards.facts'"


class Migration(migrations.Migration):
    dependencies = [("boards", "0002_counts_by_day"), ("log", "0001_log")]
    operations = [
        migrations.AddField("fact", "reachable", models.BooleanField(default=True)),
        migrations.AddField("fact", "unread", models.BooleanField(default=False)),
        migrations.AddField("fact", "first_solved", models.CharField(blank=True, default="", max_length=8), False),
        migrations.AddField("fact", "first_satisfied", models.SmallIntegerField(null=True)),
        migrations.AddField("fact", "second_solved", models.CharField(blank=True, default="", max_length=8), False),
        migrations.AddField("fact", "second_satisfied", models.SmallIntegerField(null=True)),
        migrations.RunSQL(AGAIN, migrations.RunSQL.noop),
    ]
