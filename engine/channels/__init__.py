"""What integrators import: the channel contract, the hook, the folder transport. See docs/channels.md."""

from engine.channels.contract import (
    AddressKind,
    Attachment,
    CallOutcome,
    CallRecord,
    Channel,
    ChannelContext,
    ChannelType,
    Delivery,
    Direction,
    Inbound,
    Outbound,
    PermanentFailure,
    Receipt,
    ReceiptStatus,
    Rejected,
    Sent,
    TemporaryFailure,
)
from engine.channels.folder import FolderInbox, write_atomically
from engine.channels.hookspecs import hookimpl

__all__ = [
    "AddressKind",
    "Attachment",
    "CallOutcome",
    "CallRecord",
    "Channel",
    "ChannelContext",
    "ChannelType",
    "Delivery",
    "Direction",
    "FolderInbox",
    "Inbound",
    "Outbound",
    "PermanentFailure",
    "Receipt",
    "ReceiptStatus",
    "Rejected",
    "Sent",
    "TemporaryFailure",
    "hookimpl",
    "write_atomically",
]
