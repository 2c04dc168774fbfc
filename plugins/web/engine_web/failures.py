"""What an error of the engine means to whoever asked."""

import logging
from collections.abc import Mapping

from engine.errors import EngineError, NotFound, Refused, UsageError
from engine.services import log

_STATUSES: Mapping[type[EngineError], int] = {NotFound: 404, Refused: 409, UsageError: 422}


def status_of(error: EngineError) -> int:
    """Return the status to answer with. Of 503, that nothing can be done now, only the log says why."""
    status = next((status for kind, status in _STATUSES.items() if isinstance(error, kind)), 503)
    if status == 503:
        log.say("cannot answer", logging.WARNING, reason=str(error))
    return status
