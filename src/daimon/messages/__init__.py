"""daimon."""
