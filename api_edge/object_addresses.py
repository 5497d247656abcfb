"""Addresses of object storage, as clients are given them."""

ADDRESS_SECONDS = 3600  # that an address works
