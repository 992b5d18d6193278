"""A Dagster-orchestrated data-asset platform for pricing."""
