from django.urls import path

from gongzhi.hotline import door_views, views

app_name = "hotline"
urlpatterns = [
    path("v1/orders", door_views.orders, name="door"),
    path("", views.orders, name="orders"),
    path("out/", views.outgoing, name="outgoing"),
    path("out/<int:outgoing_id>/resend/", views.resend, name="resend"),
    path("arrivals/", views.arrivals, name="arrivals"),
    path("categories/", views.categories, name="categories"),
    path("categories/<int:map_id>/", views.map_category, name="map_category"),
    path("replies/", views.replies, name="replies"),
    path("replies/<int:source_id>/hand/", views.hand_over, name="hand_over"),
    path("replies/<int:source_id>/day/", views.day_sheet, name="day_sheet"),
    path("replies/sheets/<int:reply_sheet_id>/", views.handed_sheet, name="handed_sheet"),
    path("sources/", views.sources, name="sources"),
    path("sources/new/", views.new_source, name="new_source"),
    path("sources/<int:source_id>/", views.source, name="source"),
    path("sources/<int:source_id>/secret/", views.secret, name="secret"),
    path("sources/<int:source_id>/resend/", views.resend_failed, name="resend_failed"),
]
