from django.urls import path

from gongzhi.open311 import views

app_name = "open311"
urlpatterns = [
    path("v2/discovery.<slug:form>", views.discovery, name="discovery"),
    path("v2/services.<slug:form>", views.services, name="services"),
    path("v2/services/<str:service_code>.<slug:form>", views.service, name="service"),
    path("v2/requests.<slug:form>", views.requests, name="requests"),
    path("v2/requests/<str:request_id>.<slug:form>", views.request, name="request"),
    path("v2/tokens/<str:request_id>.<slug:form>", views.token, name="token"),
    path("v2/servicerequestupdates.<slug:form>", views.updates, name="updates"),
]
