"""render: jobs, the segments they need, the parts that nodes are given, and the nodes themselves."""

from contracts.render import enrolment, inspections, jobs, nodes, parts, repairs, segments, shares, snapshots, templates

__all__ = ["enrolment", "inspections", "jobs", "nodes", "parts", "repairs", "segments", "shares", "snapshots", "templates"]
