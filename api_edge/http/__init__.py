"""Requests and responses: connections, bodies, what goes around every request, and pages that need no key."""
