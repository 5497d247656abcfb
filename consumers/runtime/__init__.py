"""What all domains share: pull, inbox, load, decide, write, outbox, outcomes, retries, quarantine, effects. No domain knowledge."""
