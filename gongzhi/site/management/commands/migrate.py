"""`gongzhi migrate`: as the owner role, then hand the application exactly what it needs."""

from typing import Any

from django.conf import settings
from django.core.management.base import CommandError
from django.core.management.commands import migrate
from django.db import connection
from psycopg import conninfo, sql

from gongzhi.base import clock
from gongzhi.log import actions as log
from gongzhi.log.models import Cluster

# The application changes rows of its tables but owns none; of the log it may only read and append.
GRANTS = sql.SQL("""
GRANT USAGE ON SCHEMA public TO {app};
GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {app};
GRANT USAGE, SELECT, UPDATE ON ALL SEQUENCES IN SCHEMA public TO {app};
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {app};
REVOKE ALL ON log_event, django_migrations, log_cluster, flow_processversion FROM {app};
GRANT SELECT, INSERT ON log_event TO {app};
GRANT SELECT, INSERT ON flow_processversion TO {app};
GRANT SELECT ON django_migrations, log_cluster TO {app};
DO $$ DECLARE part regclass; BEGIN  -- a partition must not be a back door around the log's own rights
  FOR part IN SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'log_event'::regclass LOOP
    EXECUTE format('REVOKE ALL ON %s FROM %I', part, {name});
  END LOOP;
END $$;
""")
# After a bulk load the application lets the planner know its tables (base/statistics.py); PostgreSQL 17 has a right for it.
MAINTAIN = sql.SQL("GRANT MAINTAIN ON ALL TABLES IN SCHEMA public TO {app}")
SPLIT_ROLES = "SELECT count(*) FROM pg_roles WHERE rolname = %s AND rolname <> current_user"


class Command(migrate.Command):
    requires_system_checks: list[str] = []
    help = "Bring the database up to date (owner role), make log partitions, grant the application role its rights."

    def handle(self, *args: Any, **options: Any) -> None:
        self._refuse_copy()
        super().handle(*args, **options)
        if any(options.get(name) for name in ("app_label", "plan", "check_unapplied")):
            return
        with connection.cursor() as cursor:
            log.make_partitions(back=15)
            role = str(conninfo.conninfo_to_dict(settings.DATABASE_URL).get("user", ""))
            cursor.execute(SPLIT_ROLES, [role])
            if cursor.fetchone() != (0,):
                names = {"app": sql.Identifier(role), "name": sql.Literal(role)}
                cursor.execute(GRANTS.format(**names).as_string())
                if connection.pg_version >= 170000:  # type: ignore[attr-defined]
                    cursor.execute(MAINTAIN.format(**names).as_string())
            cursor.execute("SELECT system_identifier FROM pg_control_system()")
            (identifier,) = cursor.fetchone() or (0,)
        if not Cluster.objects.exists():
            Cluster.objects.create(system_identifier=identifier, era=1, noted_at=clock.now())

    def _refuse_copy(self) -> None:
        """Refuse to start on a database copied from another cluster until its log has begun a new era."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT to_regclass('log_cluster')")
            if cursor.fetchone() == (None,):
                return
            cursor.execute("SELECT count(*) FROM log_cluster WHERE system_identifier <>"
                           " (SELECT system_identifier FROM pg_control_system())")
            if cursor.fetchone() != (0,):
                raise CommandError("This database was copied from another server. Run `gongzhi restored` first.")
