"""The only place that makes ids and object keys."""
