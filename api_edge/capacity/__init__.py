"""Whether a request may come in now: limits of its tenant, full queues, domains that can decide nothing."""
