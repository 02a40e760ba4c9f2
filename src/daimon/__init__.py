"""daimon: real e-mail for AI agents."""

__version__ = "0.1.0"
