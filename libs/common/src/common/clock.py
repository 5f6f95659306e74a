"""The only place that reads time."""
