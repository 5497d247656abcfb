"""Find out what an uploaded file is, by its content, in the limited engine process."""

from node_worker.inspect.inspection import inspect

__all__ = ["inspect"]
