"""The core that everybody here imports: what a lease is, what a kind of work is, what manifests are made of."""
