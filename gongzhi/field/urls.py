"""Addresses of the grid worker's phone."""

from django.urls import path

from gongzhi.field import views

app_name = "field"
urlpatterns = [
    path("", views.today, name="today"),
    path("list/", views.my_list, name="list"),
    path("grid/", views.grid, name="grid"),
    path("report/", views.report, name="report"),
    path("report/place/", views.place, name="place"),
    path("report/search/", views.search, name="search"),
    path("report/kept/<str:token>/", views.kept, name="kept"),
    path("report/<str:code>/", views.reported, name="reported"),
    path("report/<str:code>/slip/", views.slip, name="slip"),
    path("cases/<str:code>/", views.case, name="case"),
    path("cases/<str:code>/act/<slug:name>/", views.act, name="act"),
    path("cases/<str:code>/phone/", views.phone, name="phone"),
    path("files/<int:attachment_id>/", views.file, name="file"),
]
