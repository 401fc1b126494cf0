from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flow', '0006_deadline_from_outside'),
        ('places', '0001_initial'),
        ('requests', "0004_catalogue_words"),
    ]

    operations = [
        migrations.AddField(
            model_name='request',
            name='their_number',
            field=models.CharField(blank=True, db_default='', default='', max_length=60),
        ),
        migrations.AddField(
            model_name='request',
            name='they_ask',
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.AddIndex(
            model_name='request',
            index=models.Index(condition=models.Q(('their_number', ''), _negated=True), fields=['their_number'], name='request_their_number'),
        ),
    ]
