"""The embedded stack: nats-server, PostgreSQL and an S3 store from wheels, under one supervisor, with all data in one folder."""
