"""Parts: work given to nodes under a lease, of whatever kind."""
