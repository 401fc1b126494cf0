from django.db import migrations, models


class Migration(migrations.Migration):

    dependencies = [
        ('flow', '0001_initial'),
    ]

    operations = [
        migrations.AlterField(
            model_name='case',
            name='lat',
            field=models.FloatField(null=True),
        ),
        migrations.AlterField(
            model_name='case',
            name='lon',
            field=models.FloatField(null=True),
        ),
    ]
