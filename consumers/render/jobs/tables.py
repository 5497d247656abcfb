"""The tables of jobs, of what a job is cut into and what becomes of it; everything about jobs and above them asks for these."""

from consumers.runtime.table import Table
from contracts.render import jobs, repairs, segments, shares

JOBS, JOB_SPECS, EXPORTS = Table.of(jobs.JOBS), Table.of(jobs.JOB_SPECS), Table.of(jobs.EXPORTS)
JOB_SEGMENTS, REPAIRS, SHARES = Table.of(segments.JOB_SEGMENTS), Table.of(repairs.REPAIRS), Table.of(shares.SHARES)
