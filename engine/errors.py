"""The one root of every error the engine raises on purpose.

A subclass exists per reaction of the caller, never per place of origin. A message says what is wrong, where, and how to mend it.
"""


class EngineError(Exception):
    """Something expected went wrong; shown to people without a traceback."""


class UsageError(EngineError):
    """The caller asked for something that cannot be asked for: mend the call."""


class NotFound(EngineError):
    """What was named does not exist: mend the name."""


class Refused(EngineError):
    """The action is not allowed in this state or to this person; nothing was changed."""


class ConfigurationError(EngineError):
    """The deployment (engine.yaml, a channel's settings, a missing secret) must be mended first."""
