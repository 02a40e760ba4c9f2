"""What an operator does from the command line, over the database of the server that runs. A module a subject."""
