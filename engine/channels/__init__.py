"""What integrators import: the channel contract, fields and predicates, the hook, the folder transport. See docs/channels.md."""

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
from engine.core.conditions import FieldType
from engine.core.fields import FieldSource, Predicate

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
    "FieldSource",
    "FieldType",
    "FolderInbox",
    "Inbound",
    "Outbound",
    "PermanentFailure",
    "Predicate",
    "Receipt",
    "ReceiptStatus",
    "Rejected",
    "Sent",
    "TemporaryFailure",
    "hookimpl",
    "write_atomically",
]
