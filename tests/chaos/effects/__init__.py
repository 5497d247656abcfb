"""Faults among effects: a world that counts what it is asked to do, and two processes that lead by turns under kills, stops and cuts."""
