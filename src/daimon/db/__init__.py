"""The database: the server that comes along, the pool, the migrations. The rules live in the domains."""
