"""notification: what people are told."""

from contracts.notification import notifications

__all__ = ["notifications"]
