"""The e-mail channel against real Dovecot and Postfix: taken once, never lost, threads found, faults told apart."""

import itertools
import threading
from contextlib import contextmanager
from dataclasses import replace
from email.message import EmailMessage
from email.utils import make_msgid

import pytest

from engine.channels import Attachment, Inbound, Outbound, PermanentFailure, Receipt, ReceiptStatus, Rejected, TemporaryFailure
from engine.channels.manager import ChannelTypes, validate_settings
from engine.testing import Arrived, Carrier, ChannelContract, context
from engine_email.plugin import engine_channel_types
from tests.real.mail_servers import BUSY, DOMAIN, HOST, PASSWORD, REFUSED, UNWANTED, MailServers, mail_servers  # noqa: F401  # the fixture

pytestmark = pytest.mark.real("dovecot", "postfix", "openssl")

TOKEN = "202603040001.c.k3jxq7m2w9"
TYPE = engine_channel_types()[0]
IDLE_SECONDS = 15.0


def settings_for(servers, **changes):
    account = {"username": servers.address("support"), "password": PASSWORD, "security": "none"}
    settings = {
        "transport": "server",
        "from": {"address": servers.address("support"), "name": "客户服务中心"},
        "address_token": "both",
        "imap": {"host": HOST, "port": servers.imap_port, **account},
        "smtp": {"host": HOST, "port": servers.smtp_port, **account},
    }
    return {**settings, **changes}


def mail(to="support@example.test", subject="打印机坏了", text="打印机故障,请尽快处理。", **headers):
    message = EmailMessage()
    message["From"] = "王小明 <customer@example.test>"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = make_msgid(domain="customer.example")
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content(text)
    return message


def outbound(**changes):
    message = Outbound(
        message_id="202603040001-1-1",
        to="customer@example.test",
        subject="您的问题",
        text="我们将在今天17:00前联系您。\n",
        token=TOKEN,
        language="zh",
    )
    return replace(message, **changes)


@pytest.fixture
def servers(mail_servers):  # noqa: F811  # the fixture of that name
    for user in ("support", "customer"):
        mail_servers.empty(user)
    return mail_servers


@pytest.fixture
def open_channel(tmp_path):
    """Opens channels as restarts of the engine would, and closes them."""

    @contextmanager
    def opened(settings):
        assert validate_settings(TYPE, settings) == []
        channel = ChannelTypes({TYPE.name: TYPE}).build("email", TYPE.name, settings, context(tmp_path))
        channel.open()
        try:
            yield channel
        finally:
            channel.close()

    return opened


def received(channel, timeout=IDLE_SECONDS):
    """Everything that waits, or the first that comes within `timeout` seconds."""
    return list(channel.receive(timeout))


def test_mail_wakes_the_idle_receiver_and_is_taken_once(servers, open_channel):
    with open_channel(settings_for(servers)) as channel:
        assert received(channel, timeout=0.1) == [], "the mailbox is empty, and the connection stands from here on"
        sender = threading.Timer(0.5, servers.deliver, [mail(), "customer", servers.address("support")])
        sender.start()
        [delivery] = received(channel)
        sender.join()
        assert isinstance(delivery.item, Inbound)
        assert (delivery.item.sender, delivery.item.sender_name) == ("customer@example.test", "王小明")
        assert (delivery.item.subject, delivery.item.text) == ("打印机坏了", "打印机故障,请尽快处理。")
        assert not delivery.item.automatic
        assert servers.flags("support") == [set()] or servers.flags("support") == [{"\\Recent"}], "unmarked until acknowledged"
        delivery.acknowledge()
        assert received(channel, timeout=0.1) == []
    with open_channel(settings_for(servers)) as channel:
        assert received(channel, timeout=0.1) == [], "not after a restart either"
    assert {"\\Seen", "ClosedloopTaken"} <= servers.flags("support")[0]


def test_what_was_not_acknowledged_comes_again_after_a_crash(servers, open_channel):
    servers.deliver(mail(), "customer", servers.address("support"))
    with open_channel(settings_for(servers)) as channel:
        [before] = received(channel)
    with open_channel(settings_for(servers)) as channel:
        [again] = received(channel)
        assert (again.item.source_id, again.raw) == (before.item.source_id, before.raw)


def test_an_acknowledgement_is_written_when_the_channel_closes(servers, open_channel):
    servers.deliver(mail(), "customer", servers.address("support"))
    with open_channel(settings_for(servers)) as channel:
        deliveries = channel.receive(IDLE_SECONDS)
        next(iter(deliveries)).acknowledge()
        channel.close()
    with open_channel(settings_for(servers)) as channel:
        assert received(channel, timeout=0.1) == []


def test_mail_a_colleague_has_read_is_still_taken(servers, open_channel):
    servers.deliver(mail(), "customer", servers.address("support"))
    with servers.log_in("support") as client:
        client.select_folder("INBOX")
        client.add_flags(client.search("ALL"), [b"\\Seen"])
    with open_channel(settings_for(servers)) as channel:
        assert len(received(channel)) == 1


def test_a_reply_brings_the_token_back_by_reference_address_and_subject(servers, open_channel):
    with open_channel(settings_for(servers)) as channel:
        sent = channel.send(outbound(attachments=(Attachment("维修单.pdf", "application/pdf", b"%PDF-1.4"),)))
        [arrived] = servers.wait_for("customer", len)
        assert arrived["Message-ID"] == sent.provider_id
        assert arrived["From"] == "客户服务中心 <support@example.test>"
        assert arrived["Auto-Submitted"] == "auto-generated"
        assert [part.get_filename() for part in arrived.iter_attachments()] == ["维修单.pdf"]
        [reply_to] = arrived["Reply-To"].addresses
        replies = {
            "reference": mail(subject="Re: 您的问题", In_Reply_To=str(arrived["Message-ID"])),
            "address": mail(to=reply_to.addr_spec, subject="no thread"),
            "subject": mail(subject=f"回复: {arrived['Subject']}"),
        }
        for found_by, reply in replies.items():
            servers.deliver(reply, "customer", str(reply["To"]))
            [delivery] = received(channel)
            assert delivery.item.tokens == (TOKEN,), found_by
            assert delivery.item.references == ((sent.provider_id,) if found_by == "reference" else ())
            delivery.acknowledge()


def test_a_bounce_becomes_the_receipt_of_the_message_that_failed(servers, open_channel):
    with open_channel(settings_for(servers)) as channel:
        sent = channel.send(outbound(to=f"nobody@{DOMAIN}"))
        [delivery] = received(channel)
        assert isinstance(delivery.item, Receipt)
        assert delivery.item.status is ReceiptStatus.FAILED
        assert delivery.item.permanent
        assert delivery.item.provider_id == sent.provider_id
        assert delivery.item.message_id == "202603040001-1-1"
        assert delivery.item.detail.startswith("5.1.1 ")


def test_a_wrong_password_is_told_with_what_to_mend(servers, open_channel):
    for service in ("imap", "smtp"):
        good = settings_for(servers)
        with open_channel({**good, service: {**good[service], "password": "wrong-secret"}}) as channel:
            with pytest.raises(TemporaryFailure, match=rf"refuses the login.*check {service}\.username and {service}\.password") as failure:
                received(channel) if service == "imap" else channel.send(outbound())
            assert "wrong-secret" not in str(failure.value)


def test_it_reconnects_after_the_server_went_away(servers, open_channel):
    with open_channel(settings_for(servers)) as channel:
        assert received(channel, timeout=0.1) == []
        restart = threading.Timer(0.3, servers.stop_dovecot)
        restart.start()
        with pytest.raises(TemporaryFailure, match="is away"):
            received(channel)
        restart.join()
        with pytest.raises(TemporaryFailure, match="is away"):
            received(channel)
        servers.start_dovecot()
        servers.deliver(mail(), "customer", servers.address("support"))
        [delivery] = received(channel)
        assert delivery.item.subject == "打印机坏了"


def test_an_acknowledgement_outlives_a_broken_connection(servers, open_channel):
    servers.deliver(mail(), "customer", servers.address("support"))
    with open_channel(settings_for(servers)) as channel:
        [delivery] = received(channel)
        servers.stop_dovecot()
        delivery.acknowledge()
        with pytest.raises(TemporaryFailure):
            received(channel)
        servers.start_dovecot()
        assert received(channel, timeout=0.1) == []


@pytest.mark.parametrize("security", ["tls", "starttls"])
def test_both_protections_work_and_verify_the_server(servers, open_channel, security):
    ports = {"tls": (servers.imaps_port, servers.smtps_port), "starttls": (servers.imap_port, servers.smtp_port)}[security]
    settings = settings_for(servers)
    for service, port in zip(("imap", "smtp"), ports, strict=True):
        settings[service] = {**settings[service], "security": security, "port": port, "ca_file": str(servers.ca_file)}
    with open_channel(settings) as channel:
        assert [line.partition(":")[0] for line in channel.check(None)] == [
            f"IMAP {HOST}",
            "IMAP mailbox INBOX",
            "IMAP IDLE offered",
            f"SMTP {HOST}",
        ]
    for service in ("imap", "smtp"):
        strangers = {name: value for name, value in settings[service].items() if name != "ca_file"}
        with open_channel({**settings, service: strangers}) as channel, pytest.raises(TemporaryFailure, match="certificate"):
            channel.check(None)


def test_check_sends_a_test_mail(servers, open_channel):
    with open_channel(settings_for(servers)) as channel:
        lines = channel.check("customer@example.test")
    [arrived] = servers.wait_for("customer", len)
    assert lines[-1] == f"test mail accepted by the server: {arrived['Message-ID']}"


def test_a_refusal_is_permanent_a_busy_or_absent_server_temporary(servers, open_channel):
    with open_channel(settings_for(servers)) as channel, pytest.raises(PermanentFailure, match=r"550 5\.1\.1"):
        channel.send(outbound(to=REFUSED))
    with open_channel(settings_for(servers)) as channel, pytest.raises(TemporaryFailure, match=r"450 4\.2\.1"):
        channel.send(outbound(to=BUSY))
    with open_channel(settings_for(servers)) as channel:
        with pytest.raises(PermanentFailure, match=r"refused the message: 550 5\.7\.1"):
            channel.send(outbound(subject=UNWANTED))
        with pytest.raises(PermanentFailure, match=r"refused the message: 552 5\.3\.4"):
            channel.send(outbound(attachments=(Attachment("disk.img", "application/octet-stream", b"x" * 8_000_000),)))
    settings = settings_for(servers)
    nobody_listens = {**settings, "smtp": {**settings["smtp"], "port": 1}}
    with open_channel(nobody_listens) as channel, pytest.raises(TemporaryFailure, match="is away"):
        channel.send(outbound())


def test_a_message_above_the_limit_stays_in_the_mailbox_flagged(servers, open_channel):
    huge = mail(subject="huge")
    huge.add_attachment(b"x" * 1_200_000, maintype="application", subtype="octet-stream", filename="disk.img")
    servers.deliver(huge, "customer", servers.address("support"))
    with open_channel(settings_for(servers, max_megabytes=1)) as channel:
        [delivery] = received(channel)
        assert isinstance(delivery.item, Rejected)
        assert b"huge" in delivery.raw
        assert len(delivery.raw) < 10_000
        delivery.acknowledge()
        assert received(channel, timeout=0.1) == []
    assert "\\Flagged" in servers.flags("support")[0]
    assert len(servers.mailbox("support")) == 1


def test_a_missing_mailbox_is_told(servers, open_channel):
    settings = settings_for(servers)
    absent = {**settings, "imap": {**settings["imap"], "mailbox": "Nowhere"}}
    with open_channel(absent) as channel, pytest.raises(TemporaryFailure, match="Nowhere"):
        channel.check(None)


def test_a_server_without_idle_is_polled(open_channel):
    with MailServers(("support", "customer"), "imap_capability = IMAP4rev1\n") as servers:
        servers.deliver(mail(subject="first"), "customer", servers.address("support"))
        with open_channel(settings_for(servers)) as channel:
            assert "IMAP IDLE not offered: the mailbox is polled" in channel.check(None)
            [first] = received(channel)
            first.acknowledge()
            sender = threading.Timer(0.2, servers.deliver, [mail(subject="second"), "customer", servers.address("support")])
            sender.start()
            [second] = received(channel, timeout=3.0)
            sender.join()
            assert second.item.subject == "second"


class ServerCarrier(Carrier):
    """The mail servers as the contract kit sees them."""

    channel_type = TYPE
    input_name = "input.eml"

    def __init__(self, servers: MailServers):
        self._servers = servers
        self._numbers = itertools.count()

    def settings(self):
        return settings_for(self._servers)

    def put_good(self, count):
        for number in itertools.islice(self._numbers, count):
            self._servers.deliver(mail(subject=f"number {number}"), "customer", self._servers.address("support"))

    def put_bad(self):
        bomb = mail(text="boundary=x\n" * 1000)
        self._servers.deliver(bomb, "customer", self._servers.address("support"))

    def recipient(self):
        return self._servers.address("customer")

    def arrived(self):
        self._servers.settle()
        return [
            Arrived(str(message["To"]), message.get_content(), str(message["Subject"]), dict(message.items()))
            for user in self._servers.users
            for message in self._servers.mailbox(user)
            if message["X-Closedloop-Message"]
        ]


class TestContract(ChannelContract):
    @pytest.fixture
    def carrier(self, servers):
        return ServerCarrier(servers)
