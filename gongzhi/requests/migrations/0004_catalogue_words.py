from django.db import migrations

from gongzhi.base import chinese


def fill(apps, schema):
    """Cut the words of the lines that are there, so that they are found; a catalogue has some hundreds."""
    lines = apps.get_model("requests", "CatalogueLine").objects.select_related("category")
    for line in lines.filter(tokens=[]).iterator():
        line.tokens = chinese.bigrams(f"{line.category.name} {line.text}")
        line.save(update_fields=["tokens"])


class Migration(migrations.Migration):

    dependencies = [("requests", "0003_catalogue_versions")]

    operations = [migrations.RunPython(fill, migrations.RunPython.noop)]
