"""content: templates with what is in them."""

from contracts.content import projects

__all__ = ["projects"]
