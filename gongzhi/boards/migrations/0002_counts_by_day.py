from django.db import migrations, models
from django.db.models import Q

# The projection reads the whole log again: its tables are made of nothing else.
AGAIN = "DELETE FROM boards_fact; DELETE FROM log_cursor WHERE name = 'boards.facts'"


class Migration(migrations.Migration):
    dependencies = [("boards", "0001_initial"), ("log", "0001_log")]
    operations = [
        migrations.DeleteModel("Day"),
        migrations.CreateModel(
            name="Day",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("date", models.DateField()),
                ("scope", models.CharField(max_length=5)),
                ("scope_id", models.BigIntegerField()),
                ("origin", models.CharField(max_length=12)),
                ("counts", models.JSONField(default=dict)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint("scope", "scope_id", "origin", "date", name="day_once")
                ],
            },
        ),
        migrations.RunSQL(AGAIN, migrations.RunSQL.noop),
        migrations.AddIndex(
            model_name="fact",
            index=models.Index(
                fields=["due"], name="fact_overdue", condition=Q(closed_at=None, finished_at=None, held_at=None)
            ),
        ),
    ]
