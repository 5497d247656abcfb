"""Engines draw frames. They know nothing of messages, storage or jobs, and live in processes of their own."""
