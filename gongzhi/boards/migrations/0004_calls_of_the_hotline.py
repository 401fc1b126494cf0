"""Keep apart whom the hotline must ring: from now on, for the log says so from now on."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("boards", "0003_unread_and_both_ratings")]
    operations = [migrations.AddField("fact", "hotline", models.BooleanField(default=False))]
