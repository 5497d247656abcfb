"""The template that ships with FlatRender, the scripts that make it, and sample documents for tests."""
