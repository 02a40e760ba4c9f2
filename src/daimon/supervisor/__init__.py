"""`daimon serve`: one process that prepares the database and the sockets, and keeps the roles running."""
