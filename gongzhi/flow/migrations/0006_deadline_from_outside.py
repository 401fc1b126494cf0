from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flow', '0005_desks_by_post'),
    ]

    operations = [
        migrations.AddField(
            model_name='case',
            name='bound_at',
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name='case',
            name='bound_source',
            field=models.CharField(blank=True, db_default='', default='', max_length=160),
        ),
        migrations.AddField(
            model_name='case',
            name='own_due_at',
            field=models.DateTimeField(null=True),
        ),
    ]
