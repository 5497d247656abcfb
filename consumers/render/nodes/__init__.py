"""Nodes: who they are, what they are given, whose fault it is when something dies on them."""
