"""Every call of the API as a flow: from Python's arguments to a request, from its answer to a model."""
