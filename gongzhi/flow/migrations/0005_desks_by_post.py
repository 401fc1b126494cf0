"""One stretch of the index for each desk: in a centre that takes in for a whole district one unit has many."""

from django.contrib.postgres.operations import AddIndexConcurrently, RemoveIndexConcurrently
from django.db import migrations, models


class Migration(migrations.Migration):
    atomic = False
    dependencies = [("flow", "0004_open_cases_by_deadline")]
    operations = [
        AddIndexConcurrently(
            model_name="task",
            index=models.Index(condition=models.Q(("done_at", None)), fields=["unit", "post", "due_at", "id"], name="task_desk"),
        ),
        RemoveIndexConcurrently(model_name="task", name="task_queue"),
    ]
