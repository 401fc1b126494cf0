from django.urls import path

from gongzhi.desk import bulk_views, intake_urls, views

app_name = "desk"
urlpatterns = [
    *intake_urls.urlpatterns,
    path("", views.queue, name="queue"),
    path("export/", views.export, name="export"),
    path("exports/", views.exports, name="exports"),
    path("exports/<int:export_id>/stop/", views.stop_export, name="stop_export"),
    path("exports/<int:export_id>/file/", views.export_file, name="export_file"),
    path("search/", views.search, name="search"),
    path("batch/", bulk_views.batch, name="batch"),
    path("sign/", bulk_views.sign, name="sign"),
    path("merge/", bulk_views.merge, name="merge"),
    path("views/", views.save_view, name="save_view"),
    path("views/<int:view_id>/drop/", views.drop_view, name="drop_view"),
    path("standard/", views.standard, name="standard"),
    path("phrases/", views.phrases, name="phrases"),
    path("files/<int:attachment_id>/", views.file, name="file"),
    path("cases/<str:code>/", views.case, name="case"),
    path("cases/<str:code>/preview/", views.preview, name="preview"),
    path("cases/<str:code>/act/<slug:name>/", views.act, name="act"),
    path("cases/<str:code>/open/<slug:what>/", views.open_guarded, name="open"),
    path("cases/<str:code>/say/", views.say, name="say"),
    path("cases/<str:code>/rerate/", views.rerate, name="rerate"),
    path("cases/<str:code>/pressed/", views.pressed, name="pressed"),
    path("cases/<str:code>/units/", views.units, name="units"),
    path("cases/<str:code>/answers/", views.answers, name="answers"),
    path("cases/<str:code>/twins/", views.twins, name="twins"),
    path("cases/<str:code>/ticket/", views.ticket, name="ticket"),
]
