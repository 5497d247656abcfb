"""Effects: what touches the world outside the database, as rows that one leader claims, carries out and reports (decision 34)."""
