"""Pooled connections are checked at most once a second each: a check is a round trip that intake cannot spare.

Django checks at every request or never. Never would mean failed requests for as long as dead connections lie in the
pool after a restart of the database.
"""

import time
from typing import Any
from weakref import WeakKeyDictionary

from django.db.backends.postgresql import base
from psycopg import Connection, OperationalError
from psycopg_pool import ConnectionPool

TRUSTED_FOR = 1.0  # seconds
_checked: WeakKeyDictionary[Connection[Any], float] = WeakKeyDictionary()


class DatabaseWrapper(base.DatabaseWrapper):
    """Django's wrapper, handing out only connections that answered within the last second."""

    def get_new_connection(self, conn_params: dict[str, Any]) -> Any:
        connection = super().get_new_connection(conn_params)
        while self.pool and not _alive(connection):
            self.pool.putconn(connection)  # the pool replaces a closed one
            connection = super().get_new_connection(conn_params)
        return connection


def _alive(connection: Connection[Any]) -> bool:
    now = time.monotonic()
    if now - _checked.get(connection, 0.0) <= TRUSTED_FOR:
        return True
    try:
        ConnectionPool.check_connection(connection)
    except OperationalError:
        connection.close()
        return False
    _checked[connection] = now
    return True
