from importlib import import_module
from importlib.util import find_spec

from django.apps import AppConfig, apps


class FlowConfig(AppConfig):
    name = "gongzhi.flow"
    label = "flow"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Import what each room adds to processes and projections, so that it is registered before the first case."""
        for config in apps.get_app_configs():
            for module in ("process", "projections", "imports"):
                if config.name.startswith("gongzhi.") and find_spec(f"{config.name}.{module}"):
                    import_module(f"{config.name}.{module}")
