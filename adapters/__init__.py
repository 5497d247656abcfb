"""What touches a foreign system, each in one file. Imports nothing of ours."""
