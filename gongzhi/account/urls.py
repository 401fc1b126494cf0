from django.urls import path

from gongzhi.account import views

app_name = "account"
urlpatterns = [
    path("", views.home, name="home"),
    path("totp/", views.totp, name="totp"),
    path("passkey/options/", views.passkey_options, name="passkey_options"),
    path("passkey/", views.passkey, name="passkey"),
    path("factors/<int:factor_id>/remove/", views.remove, name="remove"),
    path("codes/", views.codes, name="codes"),
    path("sessions/<int:sign_in_id>/end/", views.end, name="end"),
    path("sessions/end/", views.end_others, name="end_others"),
    path("tokens/<slug:digest>/revoke/", views.revoke, name="revoke"),
    path("password/", views.password, name="password"),
    path("people/", views.people, name="people"),
    path("people/<int:person_id>/", views.person, name="person"),
    path("people/<int:person_id>/<slug:name>/", views.keep, name="keep"),
]
