"""The settings in engine.yaml."""

import pytest

import engine_sms
from engine.channels.manager import validate_settings
from engine.errors import ConfigurationError
from engine.testing import context
from engine_sms.folder import FolderChannel
from engine_sms.kannel_channel import KannelChannel
from engine_sms.settings import is_http_url
from engine_sms.smpp_channel import SmppChannel

SMPP = {"host": "smsc.example.test", "port": 2775, "system_id": "house", "password": "secret"}
KANNEL = {"sendsms_url": "http://127.0.0.1:13013/cgi-bin/sendsms", "username": "house", "password": "secret", "secret": "0123456789abcdef"}


@pytest.mark.parametrize(
    ("settings", "kind"),
    [
        ({}, FolderChannel),
        ({"transport": "folder", "smpp": SMPP, "kannel": KANNEL}, FolderChannel),
        ({"transport": "smpp", "smpp": SMPP}, SmppChannel),
        ({"transport": "kannel", "kannel": KANNEL}, KannelChannel),
    ],
)
def test_each_transport_builds_its_channel_and_touches_nothing(tmp_path, settings, kind):
    [channel_type] = engine_sms.engine_channel_types()
    assert validate_settings(channel_type, settings) == []
    surroundings = context(tmp_path)
    assert isinstance(channel_type.build(settings, surroundings), kind)
    assert not list(surroundings.state.iterdir())


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({"transport": "smpp"}, ("smpp",), "is missing"),
        ({"transport": "kannel"}, ("kannel",), "is missing"),
        ({"transport": "smpp", "smpp": {k: v for k, v in SMPP.items() if k != "password"}}, ("smpp", "password"), "is missing"),
        ({"transport": "pigeon"}, ("transport",), "must be one of folder, smpp, kannel"),
        ({"smpp": SMPP | {"port": "2775"}}, ("smpp", "port"), "must be a whole number"),
        ({"signatur": "【某公司】"}, ("signatur",), "is not a setting here; did you mean 'signature'?"),
        ({"kannel": KANNEL | {"listen": "0.0.0.0"}}, ("kannel", "listen"), None),
        ({"sender": "某公司"}, ("sender",), None),
    ],
)
def test_wrong_settings_are_named(settings, path, message):
    [channel_type] = engine_sms.engine_channel_types()
    [problem] = validate_settings(channel_type, settings)
    assert problem.path == path
    assert message is None or problem.message == message


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"transport": "kannel", "kannel": KANNEL | {"secret": "short"}}, "openssl rand -hex 24"),
        ({"transport": "kannel", "kannel": KANNEL | {"secret": "a/b" * 10}}, "openssl rand -hex 24"),
        ({"transport": "kannel", "kannel": KANNEL | {"sendsms_url": "file:///etc/passwd"}}, "sendsms_url must be a URL"),
        ({"transport": "kannel", "kannel": KANNEL | {"callback_url": "127.0.0.1:80"}}, "callback_url must be a URL"),
        ({"transport": "smpp", "smpp": SMPP | {"password": "密码"}}, "smpp.password holds characters that SMPP cannot carry"),
    ],
)
def test_what_only_shows_with_secrets_resolved_is_refused_when_built(tmp_path, settings, message):
    with pytest.raises(ConfigurationError, match=message) as refusal:
        engine_sms.build(settings, context(tmp_path))
    assert "密码" not in str(refusal.value)
    assert "short" not in str(refusal.value)


@pytest.mark.parametrize("url", ["http://[::1", "http://host:99999/", "http://", "ftp://host/", ""])
def test_an_address_that_cannot_be_called_is_no_url(url):
    assert not is_http_url(url)
