"""What a node does with a part: one module per kind of work."""
