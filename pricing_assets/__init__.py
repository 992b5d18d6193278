"""A Dagster-orchestrated data-asset platform for pricing."""

__version__ = "0.1.0"
