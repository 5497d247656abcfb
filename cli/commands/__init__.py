"""The commands, a module each; `app` is what the table of contents runs."""
