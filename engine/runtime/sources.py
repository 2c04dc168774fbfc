"""Asks plugins for their fields while a ticket is decided. One that fails or is late is missing, and never stops the decision."""

import queue
import threading
from collections.abc import Collection, Mapping, Sequence

from engine.core.conditions import FieldType
from engine.core.fields import Extra, FieldSource
from engine.plugins import warn

WITHIN = 1.0
"""Seconds a plugin has to answer."""


class Source:
    """One field of a plugin. It is asked in a thread of its own, and not again before that has come back."""

    def __init__(self, field: FieldSource, within: float = WITHIN) -> None:
        self.name = field.name
        self._field = field
        self._within = within
        self._asked: threading.Thread | None = None

    def tell(self, customer: str, addresses: Mapping[str, Sequence[str]]) -> Extra | None:
        """Return the value for a customer, None where there is none, or where the plugin fails, is late, or answers what cannot be."""
        answers: queue.SimpleQueue[object] = queue.SimpleQueue()
        if self._asked is not None and self._asked.is_alive():
            warn("a field is missing", field=self.name, reason="late")
            return None
        self._asked = threading.Thread(target=self._ask, args=(customer, addresses, answers), name=self.name, daemon=True)
        self._asked.start()
        try:
            answer = answers.get(timeout=self._within)
        except queue.Empty:
            warn("a field is missing", field=self.name, reason="late")
            return None
        self._asked.join()  # it has nothing left to do
        value = None if isinstance(answer, Exception) else _sound(answer, self._field)
        if value is None and answer is not None:
            fault = type(answer).__name__ if isinstance(answer, Exception) else f"the answer is no {self._field.type} of this field"
            warn("a field is missing", field=self.name, reason=fault)
        return value

    def _ask(self, customer: str, addresses: Mapping[str, Sequence[str]], answers: "queue.SimpleQueue[object]") -> None:
        try:
            answers.put(self._field.read(customer, addresses))
        except Exception as error:  # noqa: BLE001  # a plugin's fault is told as one; its words may be personal
            answers.put(error)


def _sound(answer: object, field: FieldSource) -> Extra | None:
    """Return the answer as what the field holds, None if it is none of that."""
    match field.type:
        case FieldType.FLAG:
            return answer if isinstance(answer, bool) else None
        case FieldType.NUMBER:
            return answer if isinstance(answer, (int, float)) and not isinstance(answer, bool) and answer == answer else None
        case FieldType.LABELS:
            if isinstance(answer, str) or not isinstance(answer, Collection):
                return None
            labels = tuple(sorted(label for label in answer if isinstance(label, str) and _known(label, field)))
            return labels if len(labels) == len(answer) else None
        case _:
            return answer if isinstance(answer, str) and _known(answer, field) else None


def _known(word: str, field: FieldSource) -> bool:
    return not field.choices or word in field.choices
