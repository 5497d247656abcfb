"""The standing check: whether log, rows, window, archives, work and objects agree, in bounded steps, beside the work that goes on.

It gives no names of its own: a process that only waits for its next look must not hold what a look needs.
"""
