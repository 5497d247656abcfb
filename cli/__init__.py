"""The `flatrender` command: a table of contents. A command's module is imported when that command runs, and not before."""

import sys

COMMANDS = {
    "demo": ("cli.commands.demo", "Render the demo film, check it, replay the log."),
    "render": ("cli.commands.render", "Render a template with your own values."),
    "up": ("cli.commands.up", "Start everything on this machine, in the foreground."),
    "doctor": ("cli.commands.doctor", "Check this machine, and say what to do."),
    "jobs": ("cli.commands.jobs", "See renders as jobs of the farm; stop, pause, move them."),
    "explain": ("cli.commands.explain", "Say why a render waits, is slow or failed."),
    "nodes": ("cli.commands.nodes", "See the farm's nodes; give them work or none."),
    "join-tokens": ("cli.commands.join_tokens", "Let nodes join the farm."),
    "api-keys": ("cli.commands.api_keys", "See API keys, and which are to be replaced."),
    "log": ("cli.commands.log", "Read the event log; see and mend what stops it."),
    "replay": ("cli.commands.replay", "Rebuild all state from the log, and compare it."),
    "check": ("cli.commands.check", "Compare log, rows, EVENTS, work and objects."),
    "scrub": ("cli.commands.scrub", "Read all finished objects again; have those made anew that rotted."),
    "effects": ("cli.commands.effects", "See what is still to be done in the world; retry, settle, pause it."),
    "quarantine": ("cli.commands.quarantine", "See what could not be handled; try it again."),
    "timers": ("cli.commands.timers", "See timers that were set aside, or all."),
    "rotate-secret": ("cli.commands.rotate_secret", "Give the edge a new secret; the one before stays known."),
    "migrate": ("cli.commands.migrate", "Bring a database to this release."),
    "provision": ("cli.commands.provision", "Bring NATS' streams to this release."),
    "edge": ("cli.commands.edge", "Run the HTTP API alone (a cluster)."),
    "consume": ("cli.commands.consume", "Run domains' consumers and the log alone (a cluster)."),
    "node": ("cli.commands.node", "Run one render node alone."),
    "bench": ("cli.commands.bench", "Measure, each figure beside its floor."),
    "simulate": ("cli.commands.simulate", "Simulate a farm on the real broker and database."),
    "chaos": ("cli.commands.chaos", "Kill parts at random; check that nothing is lost."),
}


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; returns the exit code: 0 done, 1 failed, 2 wrong usage, 128 and the signal's number when stopped."""
    from cli.entry import enter

    return enter(sys.argv[1:] if arguments is None else arguments, COMMANDS)
