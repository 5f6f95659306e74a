"""Named points where a test may kill, raise or sleep."""
