"""The one handler for every command and the one for every query, with what they need."""
