"""Repairs: what was finished and is not as it was any more."""
