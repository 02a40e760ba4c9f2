"""Why the database cannot be used. Each message is one line for the person who starts the server."""


class DatabaseUnusable(Exception):
    """The database cannot be used."""


class ClusterUnusable(DatabaseUnusable):
    """The embedded PostgreSQL cannot be made or started."""


class SchemaMismatch(DatabaseUnusable):
    """The database is not one that this code works with."""
