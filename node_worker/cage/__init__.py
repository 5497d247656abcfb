"""What an engine process is held in before it sees a stranger's file: by the system's own means, whichever it has."""
