"""The record that a consumer reads, under the name its neighbours here know it by."""

from common.events.record import SourceRecord

__all__ = ["SourceRecord"]
