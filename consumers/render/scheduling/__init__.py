"""Scheduling: what goes to which free slot."""
