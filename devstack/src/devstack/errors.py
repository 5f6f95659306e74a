"""What devstack says when it cannot go on: one sentence with the command that mends it."""


class DevstackError(Exception):
    """A failure the person at the keyboard can act on; its text is shown without a traceback."""


class TopologyError(DevstackError):
    """deploy/topology.yaml says something devstack does not understand; the text names the key."""
