"""What a refusal by the SMS centre means for us (command_status, SMPP 3.4, section 5.1.3)."""

from smpplib import consts  # type: ignore[import-untyped]  # published without types

# The centre is there and wants less at a time.
SLOW_DOWN = (consts.SMPP_ESME_RTHROTTLED, consts.SMPP_ESME_RMSGQFUL)
# This message will be refused however often it is sent. A refused sender address is not among them: settings can be mended.
NEVER = (
    consts.SMPP_ESME_RINVMSGLEN,
    consts.SMPP_ESME_RINVDSTADR,
    consts.SMPP_ESME_RINVDSTTON,
    consts.SMPP_ESME_RINVDSTNPI,
    consts.SMPP_ESME_RINVPARLEN,
)


def status_text(status: int) -> str:
    """Return a command_status as people look it up: number and the standard's words."""
    return f"0x{status:08x} {consts.DESCRIPTIONS.get(status, 'not in the standard')}"
