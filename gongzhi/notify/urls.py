from django.urls import path

from gongzhi.notify import views

app_name = "notify"
urlpatterns = [
    path("inbox/", views.inbox, name="inbox"),
    path("inbox/read/", views.read_all, name="read_all"),
    path("inbox/<int:notice_id>/", views.open_notice, name="open"),
    path("demo/sms/", views.demo_sms, name="demo_sms"),
    path("setup/messages/", views.deliveries, name="deliveries"),
    path("setup/messages/resend/", views.resend_all, name="resend_all"),
    path("setup/messages/<int:notice_id>/resend/", views.resend, name="resend"),
]
