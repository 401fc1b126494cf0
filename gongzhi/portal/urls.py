"""Addresses of the portal. /r/CODE/SECRET/ is the link a reporter keeps; /r/seen/TOKEN/ shows less, for an hour."""

from django.urls import path

from gongzhi.portal import report_views, track_views, views

app_name = "portal"
urlpatterns = [
    path("", views.home, name="home"),
    path("r/", track_views.find, name="find"),
    path("r/new", report_views.new, name="new"),
    path("r/poster/<str:code>", report_views.poster, name="poster"),
    path("r/place", report_views.place, name="place"),
    path("r/search", report_views.search, name="search"),
    path("r/kept/<str:token>", report_views.kept, name="kept"),
    path("r/join/<str:code>", report_views.join, name="join"),
    path("r/with/<str:code>/<str:secret>/", report_views.joined, name="joined"),
    path("r/seen/<str:token>/", track_views.tail_track, name="tail_track"),
    path("r/seen/<str:token>/resend", track_views.tail_resend, name="tail_resend"),
    path("r/seen/<str:token>/say", track_views.tail_say, name="tail_say"),
    path("r/seen/<str:token>/act/<slug:name>", track_views.tail_act, name="tail_act"),
    path("r/seen/<str:token>/files/<int:file_id>", track_views.tail_file, name="tail_file"),
    path("r/<str:code>/<str:secret>/", track_views.track, name="track"),
    path("r/<str:code>/<str:secret>/done", track_views.done, name="done"),
    path("r/<str:code>/<str:secret>/slip", track_views.slip, name="slip"),
    path("r/<str:code>/<str:secret>/say", track_views.say, name="say"),
    path("r/<str:code>/<str:secret>/rate", track_views.rate, name="rate"),
    path("r/<str:code>/<str:secret>/pressed", track_views.pressed, name="pressed"),
    path("r/<str:code>/<str:secret>/act/<slug:name>", track_views.act, name="act"),
    path("r/<str:code>/<str:secret>/files/<int:file_id>", track_views.file, name="file"),
    path("near.geojson", report_views.near, name="near"),
    path("nearby/", views.nearby, name="nearby"),
    path("worker/", views.worker, name="worker"),
    path("feedback/", views.feedback, name="feedback"),
    path("feedback/all/", views.feedback_list, name="feedback_list"),
    path("styleguide/", views.styleguide, name="styleguide"),
]
