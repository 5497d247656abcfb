"""The log on its way to clients: the feed of an edge, event streams, positions, a tenant's pages of the log."""
