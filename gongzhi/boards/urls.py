"""The addresses of boards."""

from django.urls import path

from gongzhi.boards import views

app_name = "boards"
urlpatterns = [
    path("", views.home, name="home"),
    path("places/<int:scope_id>/", views.place, name="place"),
    path("places/<int:scope_id>/list/", views.listing, {"kind": "place"}, name="place_list"),
    path("places/<int:scope_id>/grids.json", views.grids, name="grids"),
    path("places/<int:scope_id>/trend.json", views.trend, {"kind": "place"}, name="place_trend"),
    path("units/<int:scope_id>/", views.unit, name="unit"),
    path("units/<int:scope_id>/list/", views.listing, {"kind": "unit"}, name="unit_list"),
    path("units/<int:scope_id>/trend.json", views.trend, {"kind": "unit"}, name="unit_trend"),
]
