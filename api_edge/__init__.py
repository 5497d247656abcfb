"""The HTTP edge: routes as tables, one handler for every command and one for every query, and the event stream."""
