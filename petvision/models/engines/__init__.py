"""Who computes: one file an engine."""
