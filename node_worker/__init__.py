"""A render node: pulls work, draws it in engine processes, uploads, reports. In prose: docs/node-protocol.md."""
