"""Spoken clips of the demo and the script that made them."""
