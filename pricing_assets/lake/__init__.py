"""Adapter to storage: Delta tables, content hashes, the manifest of days, day claims, analytics.duckdb.

Here: how rows are kept and found again. Not here: what they mean; no arithmetic of the business.
"""

from pricing_assets.lake.entries import PartitionFile
from pricing_assets.lake.store import Lake, Provenance

__all__ = ["Lake", "PartitionFile", "Provenance"]
