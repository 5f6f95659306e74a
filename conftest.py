"""Loads the stack's fixtures and the result recorder for every test of the workspace."""

pytest_plugins = ["devstack.pytest_plugin", "pytester"]
