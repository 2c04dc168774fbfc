"""What a plugin's author gives the kit: the far side of the channel (a mailbox, an SMS centre, a folder) under the test's hand."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from engine.channels import ChannelType, Outbound


@dataclass(frozen=True, slots=True)
class Arrived:
    """One message as its recipient has it: decoded, parts joined, `to` as the carrier delivered it, `headers` if the carrier has any."""

    to: str
    text: str
    subject: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


class Carrier(ABC):
    """The far side of one channel in one test. Make it in the `carrier` fixture, with data of its own for every test.

    `input_name` is the file name under which `parse` is given raw input, for plugins that tell formats by it.
    """

    channel_type: ChannelType
    input_name: str = "input"

    @abstractmethod
    def settings(self) -> Mapping[str, Any]:
        """Return the settings for a channel on this carrier, as engine.yaml would hold them."""

    def put_good(self, count: int) -> None:
        """Let `count` new good inputs wait at the carrier, each different; called several times. Needed when `channel_type.can_receive`."""
        raise NotImplementedError("a carrier whose channel can receive puts good inputs")

    def put_bad(self) -> None:
        """Let one input wait that reaches the plugin but cannot be understood. Needed when `channel_type.can_receive`."""
        raise NotImplementedError("a carrier whose channel can receive puts a bad input")

    def recipient(self) -> str:
        """Return an address that a message can be sent to. Needed when `channel_type.can_send`."""
        raise NotImplementedError("a carrier whose channel can send tells a recipient")

    def arrived(self) -> Sequence[Arrived]:
        """Return every message that arrived at anybody so far, waiting for what is on its way. Needed when `channel_type.can_send`."""
        raise NotImplementedError("a carrier whose channel can send tells what arrived")

    def expected_text(self, message: Outbound) -> str:
        """Return the text the recipient should read: `message.text` and the decoration your plugin documents (signature, token line)."""
        return message.text
