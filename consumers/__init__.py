"""One consumer per domain: it decides the domain's commands and owns its PostgreSQL schema."""
