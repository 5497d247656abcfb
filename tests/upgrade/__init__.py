"""The data folders that earlier releases left when they were killed, what they had promised, and how such a folder is made."""
