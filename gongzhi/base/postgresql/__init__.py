"""Django's PostgreSQL backend with cheaper checks of pooled connections; see base.py."""
