"""Python client for daimon."""
