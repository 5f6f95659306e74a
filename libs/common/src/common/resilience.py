"""One policy for timeouts, retries and circuit breakers."""
