"""Loads the stack's fixtures and the result recorder for every test of the workspace."""

# Imported by its own plugin only at the very end of a run otherwise, where Python 3.11 may answer a
# large module with "AST constructor recursion depth mismatch" after all tests have passed.
import hypothesis  # noqa: F401

pytest_plugins = ["devstack.pytest_plugin", "devstack.pytest_halves", "pytester"]
