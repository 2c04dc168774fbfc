"""The settings in engine.yaml."""

import base64

import pytest

import engine_webhook
from engine.channels.manager import validate_settings
from engine.errors import ConfigurationError
from engine.testing import context
from engine_webhook.settings import endpoints_of

URL = "https://crm.example.test/hook"
[KIND] = engine_webhook.engine_channel_types()


def endpoints(secret, **settings):
    return {"endpoints": {"crm": {"url": URL, "secret": secret, **settings}}}


def endpoint(secret, **settings):
    [one] = endpoints_of(endpoints(secret, **settings)).values()
    return one


def test_settings_build_a_channel_and_touch_nothing(tmp_path, secret):
    settings = endpoints(secret, headers={"Authorization": "Bearer x"}, timeout=0.5, ca_file="missing.pem", allow_http=True)
    assert validate_settings(KIND, settings) == []
    surroundings = context(tmp_path)
    KIND.build(settings, surroundings)
    assert not list(surroundings.state.iterdir())


def test_secrets_may_still_be_references_when_settings_are_validated():
    settings = endpoints("${env:CRM_SECRET}", url="${env:CRM_URL}", headers={"Authorization": "${file:secrets/crm}"})
    assert validate_settings(KIND, settings) == []


@pytest.mark.parametrize(
    ("settings", "path", "message"),
    [
        ({}, ("endpoints",), "is missing"),
        ({"endpoints": {}}, ("endpoints",), None),
        ({"endpoints": {"crm": {"url": URL}}}, ("endpoints", "crm", "secret"), "is missing"),
        ({"endpoints": {"crm": {"secret": "x"}}}, ("endpoints", "crm", "url"), "is missing"),
        ({"endpoints": {"CRM": {"url": URL, "secret": "x"}}}, ("endpoints",), None),
        (endpoints("x", headres={}), ("endpoints", "crm", "headres"), "is not a setting here; did you mean 'headers'?"),
        (endpoints("x", timeout=0), ("endpoints", "crm", "timeout"), "must be more than 0"),
        (endpoints("x", timeout=60), ("endpoints", "crm", "timeout"), "must be at most 50"),
        (endpoints("x", headers={"X\r\nY": "1"}), ("endpoints", "crm", "headers"), None),
        (endpoints("x", headers={"X": "1\r\nY: 2"}), ("endpoints", "crm", "headers", "X"), None),
        (endpoints([]), ("endpoints", "crm", "secret"), None),
    ],
)
def test_wrong_settings_are_named(settings, path, message):
    [problem] = validate_settings(KIND, settings)
    assert problem.path == path
    assert message is None or problem.message == message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"secret": "hunter2"}, "endpoints.crm.secret must be whsec_ and the base64 of 24 to 64 random bytes"),
        ({"secret": "whsec_hunter2密"}, "endpoints.crm.secret must be whsec_"),
        ({"secret": "whsec_" + base64.b64encode(b"hunter2" * 3).decode()}, "24 to 64 random bytes"),
        ({"secret": "whsec_" + base64.b64encode(b"hunter2" * 10).decode()}, "24 to 64 random bytes"),
        ({"url": "file:///hunter2"}, "endpoints.crm.url must be a URL such as https://"),
        ({"url": "crm.example.test/hunter2"}, "endpoints.crm.url must be a URL"),
        ({"url": "https://u:hunter2@host:99999/"}, "endpoints.crm.url must be a URL"),
        ({"url": "https://u:hunter2@[::1/"}, "endpoints.crm.url must be a URL"),
        ({"url": "https:///hunter2"}, "endpoints.crm.url must be a URL"),
        ({"url": "http://crm.example.test/hunter2"}, "use https, or, inside a network of your own, say endpoints.crm.allow_http: true"),
        ({"url": "http://127.0.0.1.example.test/hunter2"}, "allow_http"),
        ({"headers": {"Webhook-Id": "hunter2"}}, "endpoints.crm.headers.webhook-id is said by the channel itself"),
        ({"headers": {"Content-type": "hunter2"}}, "endpoints.crm.headers.content-type is said by the channel itself"),
        ({"headers": {"X-Key": "hunter2", "x-key": "hunter2"}}, "says one header twice"),
        ({"url": "https://u:hunter2@host/", "headers": {"authorization": "x"}}, "has user and password in its url and Authorization"),
    ],
)
def test_what_a_schema_cannot_say_is_refused_when_built_and_shows_no_secret(tmp_path, secret, changes, message):
    with pytest.raises(ConfigurationError, match=message) as refusal:
        KIND.build(endpoints(secret) | {"endpoints": {"crm": {"url": URL, "secret": secret} | changes}}, context(tmp_path))
    assert "hunter2" not in str(refusal.value)


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.8.8", "[::1]"])
def test_http_is_taken_for_this_machine(secret, host):
    assert endpoint(secret, url=f"http://{host}:8080/").port == 8080


def test_http_elsewhere_is_taken_when_it_is_asked_for(secret):
    one = endpoint(secret, url="http://10.0.0.7/hook", allow_http=True)
    assert (one.tls, one.host, one.port, one.target) == (False, "10.0.0.7", 80, "/hook")


def test_an_endpoint_shows_its_place_and_no_secret(secret):
    one = endpoint(secret, url="https://user:hunter2@CRM.example.test/hunter2?key=hunter2#part", headers={"X-Key": "hunter2"})
    assert str(one) == "endpoint 'crm' (crm.example.test:443)"
    assert "hunter2" not in repr(one)
    assert secret not in repr(one)
    assert one.target == "/hunter2?key=hunter2"


def test_user_and_password_of_a_url_become_basic_authorisation(secret):
    one = endpoint(secret, url="https://us%40er:p%C3%A4ss@crm.example.test/")
    assert base64.b64decode(one.headers["Authorization"].removeprefix("Basic ")).decode() == "us@er:päss"
