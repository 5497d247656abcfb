"""Jobs: renders from their submission to their end."""
