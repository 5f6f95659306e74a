"""The kinds of failure every edge knows how to answer."""
