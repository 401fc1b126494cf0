"""The addresses of 设置: places, units, people, defaults and long work."""

from django.urls import path

from gongzhi.site import audit_views
from gongzhi.site import setup_views as views

app_name = "setup"
urlpatterns = [
    path("", views.home, name="home"),
    path("places/", views.places, name="places"),
    path("places/<int:place_id>/", views.place, name="place"),
    path("places/<int:place_id>/branch/", views.place_branch, name="place_branch"),
    path("places/<int:place_id>/outlines.json", views.place_outlines, name="place_outlines"),
    path("places/<int:place_id>/rename/", views.place_rename, name="place_rename"),
    path("places/<int:place_id>/code/", views.place_code, name="place_code"),
    path("units/", views.units, name="units"),
    path("units/<int:unit_id>/", views.unit, name="unit"),
    path("units/<int:unit_id>/rename/", views.unit_rename, name="unit_rename"),
    path("units/<int:unit_id>/add/", views.unit_add, name="unit_add"),
    path("units/<int:unit_id>/post/", views.post_add, name="post_add"),
    path("units/<int:unit_id>/appoint/", views.appoint, name="appoint"),
    path("people/", views.people, name="people"),
    path("people/<int:person_id>/", views.person, name="person"),
    path("people/<int:person_id>/end/<int:appointment_id>/", views.end, name="end"),
    path("defaults/", views.all_defaults, name="defaults"),
    path("defaults/limits/", views.limits, name="limits"),
    path("defaults/limits/<str:code>/", views.limit, name="limit"),
    path("defaults/<str:name>/", views.change_default, name="default"),
    path("audit/", audit_views.audit, name="audit"),
    path("work/", views.works, name="works"),
    path("work/<int:work_id>/stop/", views.work_stop, name="work_stop"),
    path("work/<int:work_id>/resume/", views.work_resume, name="work_resume"),
]
