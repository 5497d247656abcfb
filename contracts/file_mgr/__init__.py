"""file_mgr: uploads, and the files that come of them."""

from contracts.file_mgr import files, uploads

__all__ = ["files", "uploads"]
