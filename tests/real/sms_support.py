"""What the tests of the SMS channel share: a customer, a house, and a receiver that stands for the engine."""

from engine.channels import Outbound, TemporaryFailure
from tests.support.ports import LOOPBACK
from tests.support.waiting import wait_until

CUSTOMER, HOUSE = "8613800138000", "10690001"
SIGNATURE = "【某公司】"
LONG = "您好，您的工单202603040001已处理，满意请回复Y，仍有问题请回复N及原因。" * 5 + "😀"
THROTTLED, QUEUE_FULL, SYSTEM_ERROR, INVALID_DESTINATION = 0x58, 0x14, 0x08, 0x0B
SECRET = "0123456789abcdef"


class Receiver:
    """Takes from a channel as the engine does, in the test's own thread; `keep` decides what is acknowledged."""

    def __init__(self, channel):
        self.channel = channel
        self.items = []
        self.keep = lambda item: True

    def look(self):
        try:
            for delivery in self.channel.receive(0.1):
                self.items.append(delivery.item)
                if self.keep(delivery.item):
                    delivery.acknowledge()
        except TemporaryFailure:
            return

    def until(self, count, kind=object):
        """Look until `count` items of `kind` came; return them."""

        def came():
            self.look()
            return len(self.of(kind)) >= count

        wait_until(came, f"{count} of {kind.__name__}")
        return self.of(kind)

    def of(self, kind):
        return [item for item in self.items if isinstance(item, kind)]


def smpp_settings(port, **smpp):
    account = {"host": LOOPBACK, "port": port, "system_id": "house", "password": "secret", **smpp}
    return {"transport": "smpp", "signature": SIGNATURE, "sender": HOUSE, "smpp": account}


def message(message_id="m1", to=CUSTOMER, text="您好"):
    return Outbound(message_id, f"+{to}", text)
