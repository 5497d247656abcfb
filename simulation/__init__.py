"""The farm in simulation: real broker, database and scheduler; nodes that speak the protocol and whose engine only waits."""
