"""The worker: loops that take what is due. They decide nothing; the domains do."""
