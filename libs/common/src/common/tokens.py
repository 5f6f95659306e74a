"""Media tokens and upload receipts: make, verify, key rings; pure."""
