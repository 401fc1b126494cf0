from django.urls import path

from gongzhi.imports import views

app_name = "imports"
urlpatterns = [
    path("", views.home, name="home"),
    path("sheet/<int:import_id>/", views.sheet, name="sheet"),
    path("sheet/<int:import_id>/map/", views.remap, name="map"),
    path("sheet/<int:import_id>/begin/", views.begin, name="begin"),
    path("sheet/<int:import_id>/drop/", views.drop, name="drop"),
    path("sheet/<int:import_id>/faults/", views.faults, name="faults"),
    path("<slug:key>/", views.start, name="start"),
    path("<slug:key>/template/", views.template, name="template"),
]
