"""Addresses of the phone clerk and the knowledge base, part of the desk's."""

from django.urls import path

from gongzhi.desk import intake_views as intake
from gongzhi.desk import knowledge_views as knowledge

urlpatterns = [
    path("intake/", intake.intake, name="intake"),
    path("intake/look/", intake.look, name="intake_look"),
    path("intake/caller/", intake.caller, name="intake_caller"),
    path("intake/units/", intake.units, name="intake_units"),
    path("intake/join/<str:code>/", intake.join, name="intake_join"),
    path("intake/joined/<str:code>/", intake.joined, name="intake_joined"),
    path("intake/done/<str:code>/", intake.done, name="intake_done"),
    path("intake/slip/<str:code>/", intake.slip, name="intake_slip"),
    path("knowledge/", knowledge.knowledge, name="knowledge"),
    path("knowledge/new/", knowledge.edit, name="knowledge_new"),
    path("knowledge/<int:answer_id>/", knowledge.edit, name="knowledge_edit"),
]
