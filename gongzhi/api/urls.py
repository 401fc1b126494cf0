from django.urls import URLPattern, path

from gongzhi.api import views
from gongzhi.base.access import Access

PUBLIC = {"report", "report_status", "act_as_reporter", "locate", "token", "openapi-json", "api-root"}

_doors, _app, _namespace = views.api.urls
for _door in _doors:  # each door says who may; the bearer token itself is checked by the API
    if isinstance(_door, URLPattern):
        vars(_door.callback)["access"] = Access("public" if _door.name in PUBLIC else "token")

urlpatterns = [
    path("v1/docs", views.docs, name="api_docs"),
    path("v1/", (_doors, _app, _namespace)),
]
