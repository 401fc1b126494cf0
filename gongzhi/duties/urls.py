"""The addresses of the lists: what everybody at work asks of them, and their pages in 设置."""

from django.urls import path

from gongzhi.duties import setup_views as setup
from gongzhi.duties import views

app_name = "duties"
urlpatterns = [
    path("duties/", views.whose, name="whose"),
    path("duties/departures/", views.report, name="report"),
    path("duties/departures/list/", views.departed, name="departed"),
    path("duties/departures/export/", views.export, name="export"),
    path("duties/<slug:list_name>/<int:line_id>/", views.line, name="line"),
    path("setup/duties/", setup.home, name="home"),
    path("setup/duties/<slug:list_name>/", setup.versions, name="versions"),
    path("setup/duties/<slug:list_name>/new/", setup.prepare, name="prepare"),
    path("setup/duties/<slug:list_name>/<int:version_id>/", setup.version, name="version"),
    path("setup/duties/<slug:list_name>/<int:version_id>/describe/", setup.describe, name="describe"),
    path("setup/duties/<slug:list_name>/<int:version_id>/in-force/", setup.in_force, name="in_force"),
    path("setup/duties/<slug:list_name>/<int:version_id>/end/", setup.end, name="end"),
    path("setup/duties/<slug:list_name>/<int:version_id>/drop/", setup.drop, name="drop"),
    path("setup/duties/<slug:list_name>/<int:version_id>/against/<int:other_id>/", setup.compare, name="compare"),
]
