"""What the catalog brings to `reprise state republish`."""

from catalog.adapters.postgres_republishing import REPUBLISHING

__all__ = ["REPUBLISHING"]
