"""The password of every service role of the tests' servers. One for all: roles belong to a whole PostgreSQL, which many databases share."""

PASSWORD = "for-the-tests"
