from django.db import migrations, models

TABLE = """
CREATE SEQUENCE log_event_id_seq CACHE 1;
CREATE TABLE log_event (
    id           bigint      NOT NULL DEFAULT nextval('log_event_id_seq'),
    at           timestamptz NOT NULL,
    era          integer     NOT NULL DEFAULT 1,
    xid          xid8        NOT NULL DEFAULT pg_current_xact_id(),
    actor        text        NOT NULL,
    verb         text        NOT NULL,
    subject_kind text        NOT NULL,
    subject_id   bigint,
    places       bigint[]    NOT NULL DEFAULT '{}',
    data         jsonb       NOT NULL DEFAULT '{}',
    PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);
CREATE TABLE log_event_default PARTITION OF log_event DEFAULT;
-- The order of projections: an id alone would skip lines of transactions that commit late.
CREATE INDEX log_event_cursor ON log_event (era, xid, id);
CREATE INDEX log_event_subject ON log_event (subject_kind, subject_id, id);

CREATE FUNCTION log_event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION 'the log is append-only'; END $$;
CREATE TRIGGER log_event_append_only BEFORE UPDATE OR DELETE ON log_event
    FOR EACH ROW EXECUTE FUNCTION log_event_is_append_only();
CREATE TRIGGER log_event_no_truncate BEFORE TRUNCATE ON log_event
    FOR EACH STATEMENT EXECUTE FUNCTION log_event_is_append_only();

-- Called by the daily job and by migrate; SECURITY DEFINER because the application owns nothing.
CREATE FUNCTION log_make_partitions(first date, months integer) RETURNS integer
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE month date := date_trunc('month', first); made integer := 0; part text;
BEGIN
    FOR i IN 1..months LOOP
        part := 'log_event_' || to_char(month, 'YYYYMM');
        IF to_regclass(part) IS NULL THEN
            EXECUTE format('CREATE TABLE %I PARTITION OF log_event FOR VALUES FROM (%L) TO (%L)', part,
                month::timestamp AT TIME ZONE 'Asia/Shanghai',
                (month + interval '1 month')::timestamp AT TIME ZONE 'Asia/Shanghai');
            made := made + 1;
        END IF;
        month := month + interval '1 month';
    END LOOP;
    RETURN made;
END $$;
"""

UNDO = """
DROP FUNCTION log_make_partitions(date, integer);
DROP TABLE log_event CASCADE;
DROP FUNCTION log_event_is_append_only();
DROP SEQUENCE log_event_id_seq;
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.RunSQL(TABLE, UNDO),
        migrations.CreateModel(
            name="Cursor",
            fields=[
                ("name", models.CharField(max_length=60, primary_key=True, serialize=False)),
                ("era", models.IntegerField(default=0)),
                ("xid", models.BigIntegerField(default=0)),
                ("id_read", models.BigIntegerField(default=0)),
                ("read_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="Cluster",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False)),
                ("system_identifier", models.BigIntegerField()),
                ("era", models.IntegerField()),
                ("noted_at", models.DateTimeField()),
            ],
        ),
    ]
