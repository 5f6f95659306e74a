"""Settings groups, read from the environment once by bootstrap."""
