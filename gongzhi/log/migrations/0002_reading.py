from django.db import migrations

# The planner reads "era > 1" out of (era, xid, id) > (1, …), takes nearly all lines to be of era 1 and so expects next
# to none; it would then fetch and sort the whole rest of the log for every batch. Without sorting it walks the indexes.
READING = """
CREATE FUNCTION log_after(integer, xid8, bigint, most integer, unfinished boolean DEFAULT false)
RETURNS SETOF log_event
LANGUAGE sql STABLE SET enable_sort = off AS $$
    -- Lines at or above the oldest running transaction are not read yet: one of its lines may still appear below them.
    -- Who only counts takes these `unfinished` ones too.
    -- An older era's transactions are all over, whatever its numbers say. Columns are qualified on purpose: an alias
    -- called xid would sort as text.
    SELECT e.* FROM log_event e
    WHERE (e.era, e.xid, e.id) > ($1, $2, $3)
      AND (unfinished OR e.era < (SELECT coalesce(max(c.era), 1) FROM log_cluster c)
           OR e.xid < pg_snapshot_xmin(pg_current_snapshot()))
    ORDER BY e.era, e.xid, e.id
    LIMIT most
$$;
"""


class Migration(migrations.Migration):
    dependencies = [("log", "0001_log")]
    operations = [migrations.RunSQL(READING, "DROP FUNCTION log_after(integer, xid8, bigint, integer, boolean)")]
