"""Starts things: one machine's embedded stack, or single processes against a cluster."""
