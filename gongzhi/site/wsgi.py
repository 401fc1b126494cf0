import gc
import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "gongzhi.site.settings")
application = get_wsgi_application()

# What is loaded by now stays: the collector need not walk it again, nor look for waste every 700 objects where a page
# makes thousands that die with it.
gc.collect()
gc.freeze()
gc.set_threshold(20_000, 20, 20)
