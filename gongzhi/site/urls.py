"""All addresses: each room's own, under its prefix. Every view declares its access (gongzhi/base/access.py)."""

from importlib.util import find_spec

from django.urls import URLPattern, URLResolver, include, path

from gongzhi.account import sign_in_views as signing
from gongzhi.site import views

ROOMS = {"account": "account/", "desk": "desk/", "field": "field/", "boards": "boards/", "open311": "open311/", "notify": "",
         "portal": ""}

site_urls = (
    [
        path("sign-in/", signing.sign_in, name="sign_in"),
        path("sign-in/second/", signing.second, name="second"),
        path("sign-in/passkey/options/", signing.passkey_options, name="passkey_options"),
        path("sign-in/passkey/", signing.passkey, name="passkey"),
        path("sign-in/city/", signing.oidc_go, name="oidc"),
        path("sign-in/city/back/", signing.oidc_back, name="oidc_back"),
        path("sign-out/", signing.sign_out, name="sign_out"),
        path("switch/<slug:name>/", views.switch, name="switch"),
        path("work-line/", views.work_line, name="work_line"),
        path("livez", views.livez, name="livez"),
        path("healthz", views.healthz, name="healthz"),
    ],
    "site",
)
urlpatterns: list[URLPattern | URLResolver] = [
    path("api/", include("gongzhi.api.urls")),  # first: of all doors the one for reports is used most
    path("", include(site_urls)),
    path("setup/import/", include("gongzhi.imports.urls")),
    path("setup/", include("gongzhi.site.setup_urls")),
    *(path(prefix, include(f"gongzhi.{room}.urls")) for room, prefix in ROOMS.items()
      if find_spec(f"gongzhi.{room}.urls")),
]
handler400 = views.error_400
handler403 = views.error_403
handler404 = views.error_404
handler500 = views.error_500
