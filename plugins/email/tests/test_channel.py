"""The plugin as the engine sees it: its settings, and the folder transport that works with nothing configured."""

import threading
from email import message_from_bytes, policy

import pytest

from engine.channels import Inbound, Outbound, TemporaryFailure
from engine.channels.manager import ChannelTypes, validate_settings
from engine.testing import context
from engine_email.plugin import engine_channel_types
from engine_email.settings import Security, Settings

TYPE = engine_channel_types()[0]
ACCOUNT = {"host": "mail.example.test", "username": "u", "password": "very-secret"}
SERVER = {"transport": "server", "from": {"address": "support@example.test"}, "imap": ACCOUNT, "smtp": ACCOUNT}
MAIL = b"From: customer@example.net\r\nSubject: hello\r\nMessage-ID: <%d@example.net>\r\n\r\nbroken printer\r\n"


@pytest.fixture
def engine(tmp_path):
    return context(tmp_path, name="email")


@pytest.fixture
def channel(engine):
    channel = ChannelTypes({TYPE.name: TYPE}).build("email", TYPE.name, {}, engine)
    channel.open()
    yield channel
    channel.close()


def outbound(message_id="202603040001-1-1"):
    return Outbound(message_id=message_id, to="customer@example.net", text="done", subject="Result", token="202603040001.c.k3jxq7m2w9")


def test_the_installed_distribution_offers_the_type():
    assert "email" in ChannelTypes.discover().types


@pytest.mark.parametrize("settings", [{}, {"transport": "folder"}, SERVER, {**SERVER, "address_token": "both", "max_megabytes": 50}])
def test_sound_settings_pass(settings):
    assert validate_settings(TYPE, settings) == []


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"transport": "server"}, ""),
        ({"transport": "pigeon"}, "transport"),
        ({"from": {"address": "no address"}}, "from.address"),
        ({"from": {"address": "support+tag@example.test"}}, "from.address"),
        ({"from": {"address": "a@b", "name": "x\ny"}}, "from.name"),
        ({**SERVER, "imap": {**ACCOUNT, "port": 0}}, "imap.port"),
        ({**SERVER, "imap": {**ACCOUNT, "security": "ssl"}}, "imap.security"),
        ({**SERVER, "smtp": {"host": "h", "username": "u"}}, "smtp"),
        ({**SERVER, "smtp": {**ACCOUNT, "mailbox": "INBOX"}}, "smtp"),
        ({"max_megabytes": 0}, "max_megabytes"),
    ],
)
def test_unsound_settings_are_told_with_their_place(settings, place):
    problems = validate_settings(TYPE, settings)
    assert problems
    assert all(".".join(map(str, problem.path)).startswith(place) for problem in problems)


def test_defaults_are_the_safe_ones():
    settings = Settings.from_mapping(SERVER)
    assert settings.imap is not None
    assert settings.smtp is not None
    assert (settings.imap.security, settings.imap.port, settings.imap.mailbox) == (Security.TLS, 993, "INBOX")
    assert (settings.smtp.security, settings.smtp.port) == (Security.TLS, 465)
    assert settings.max_bytes == 25 * 1024 * 1024


def test_the_password_never_shows():
    settings = Settings.from_mapping(SERVER)
    assert "very-secret" not in f"{settings!r} {settings.imap} {settings.smtp}"


def test_a_missing_ca_file_is_told(engine):
    account = {"host": "127.0.0.1", "port": 1, "username": "u", "password": "p", "security": "tls", "ca_file": "/nowhere/ca.pem"}
    channel = ChannelTypes({TYPE.name: TYPE}).build("email", TYPE.name, {**SERVER, "imap": account, "smtp": account}, engine)
    channel.open()
    for use in (lambda: channel.check(None), lambda: channel.send(outbound())):
        with pytest.raises(TemporaryFailure, match=r"ca_file /nowhere/ca\.pem cannot be read"):
            use()
    channel.close()


def test_a_file_is_taken_when_it_comes_and_goes_when_acknowledged(channel, engine):
    path = engine.incoming / "1.eml"
    writer = threading.Timer(0.2, path.write_bytes, [MAIL % 1])
    writer.start()
    [delivery] = channel.receive(10.0)
    writer.join()
    assert isinstance(delivery.item, Inbound)
    assert delivery.item.received_at == engine.now()
    assert path.exists()
    delivery.acknowledge()
    assert not path.exists()
    assert list(channel.receive(0)) == []


def test_a_file_taken_back_by_its_owner_is_passed_over(channel, engine):
    for number in (1, 2):
        (engine.incoming / f"{number}.eml").write_bytes(MAIL % number)
    deliveries = iter(channel.receive(0))
    next(deliveries)
    (engine.incoming / "2.eml").unlink()
    assert list(deliveries) == []


@pytest.mark.parametrize("message_id", ["202603040001-1-1", "a:b/../c", "令牌", "." * 5])
def test_what_is_sent_lies_in_one_file_in_the_outgoing_folder(channel, engine, message_id):
    sent = channel.send(outbound(message_id))
    channel.send(outbound(message_id))
    [path] = engine.outgoing.iterdir()
    assert path.suffix == ".eml"
    arrived = message_from_bytes(path.read_bytes(), policy=policy.default)
    assert (arrived["Message-ID"], arrived["To"]) == (sent.provider_id, "customer@example.net")
    assert arrived.get_content().strip() == "done"


def test_a_lost_folder_is_a_temporary_failure(channel, engine):
    engine.incoming.rmdir()
    engine.outgoing.rmdir()
    engine.outgoing.write_text("a file in the way")
    for use in (lambda: list(channel.receive(0)), lambda: channel.send(outbound()), lambda: channel.check(None)):
        with pytest.raises(TemporaryFailure, match="the folder"):
            use()


def test_check_tells_what_it_did(channel, engine):
    (engine.incoming / "1.eml").write_bytes(MAIL % 1)
    lines = channel.check("customer@example.net")
    assert lines[0].endswith("1 messages waiting")
    assert lines[1].startswith(f"folder {engine.outgoing}: test mail written: <")
    assert len(list(engine.outgoing.iterdir())) == 1
