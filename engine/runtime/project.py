"""A project: the directory with `engine.yaml`, which says how this installation is deployed (never what the company promises)."""

import json
import math
import os
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import jsonschema_rs
from msgspec import Struct, field

from engine.errors import ConfigurationError
from engine.policy.diagnostics import Problems, has_errors
from engine.policy.formats import format_text
from engine.policy.reader import decode, read
from engine.policy.units import duration
from engine.runtime import masking
from engine.runtime.carriers import Circuit, Rate
from engine.runtime.retries import Retries

FILE = "engine.yaml"
WAITING_LIMIT = 10_000
_REPLACED: Mapping[tuple[str | int, ...], str] = {
    ("jobs", "summary"): "; the report of the day took its place: `report: day` under `reports` in policies/reports.yaml"
}
"""Settings that earlier versions knew, with what says the same now."""
_SECRET = re.compile(r"\$\{(env|file):([^}]*)\}")


class ChannelSettings(Struct, frozen=True):
    """One channel as configured: its type (by default its name), the plugin's own settings, secrets not yet resolved, and its rate."""

    name: str
    type: str
    settings: Mapping[str, Any]
    rate: Rate | None = None


class Job(Struct, frozen=True):
    """A job of the daemon's own by cron: `keep` says how many of its results stay.

    `timezone` None is the company's zone; `catch_up` says which slots that were missed are run: skip, once or all.
    """

    name: str
    cron: str
    keep: int
    timezone: str | None = None
    catch_up: str = "once"


class Project(Struct, frozen=True):
    """A deployment. Paths are absolute. `outbound` is hold or live; with `redirect` every message goes to that address instead.

    `handling` is how hard to try with what came in and with timers, `delivery` with messages. `alarm_to` is the mail address of whoever
    operates it; a wall clock that jumps by more than `clock_jump` raises an alarm. While `waiting_limit` items wait in the inbox, nothing
    more is taken in. `services` are the settings of each, secrets not yet resolved. Whether it is alive, and its metrics, are told on
    `listen` (host:port); spans go to the URL `traces`. A loop that has not turned for `stalled_after` stands still.
    """

    root: Path
    database: str
    policies: Path
    var: Path
    outbound: str
    redirect: str | None
    phone_region: str
    handling: Retries
    delivery: Retries
    circuit: Circuit
    send_deadline: timedelta
    channels: tuple[ChannelSettings, ...]
    services: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    jobs: tuple[Job, ...] = field(default=())
    alarm_to: str | None = None
    clock_jump: timedelta = timedelta(minutes=1)
    waiting_limit: int = WAITING_LIMIT
    listen: str | None = None
    traces: str | None = None
    stalled_after: timedelta = timedelta(minutes=5)

    @property
    def hold(self) -> bool:
        """Whether messages are kept back until somebody releases them."""
        return self.outbound == "hold"

    @property
    def public_address(self) -> str:
        """The address at which customers reach the pages that a service has for them, empty where none is public."""
        return next((one["public"] for one in self.services.values() if "public" in one), "")

    @property
    def lease(self) -> timedelta:
        """How long a process may keep a message that it is sending; a channel that hangs is replaced in half of it."""
        return 2 * self.send_deadline


def load_project(root: Path) -> Project:
    """Read `engine.yaml` in `root`. Raises ConfigurationError that names file, line and remedy."""
    path = root / FILE
    try:
        data = path.read_bytes()
    except OSError as error:
        hint = f"run `engine init {root}` or change to the directory of your project"
        raise ConfigurationError(f"{path} cannot be read ({error.strerror}); {hint}") from error
    problems = Problems()
    text = decode(FILE, data, problems)
    node = read(FILE, text, problems) if text is not None else None
    if node is None or has_errors(problems.all()):
        raise ConfigurationError(format_text(problems.all()).rstrip())
    plain = node.plain()
    _check(plain)
    assert isinstance(plain, dict)  # noqa: S101  # the schema has just said so
    return _project(root.resolve(), plain)


def resolve_secrets(value: Any, base: Path) -> Any:
    """Return settings with every `${env:NAME}` and `${file:path}` replaced. Raises ConfigurationError naming what is missing."""
    if isinstance(value, Mapping):
        return {key: resolve_secrets(item, base) for key, item in value.items()}
    if isinstance(value, list):
        return [resolve_secrets(item, base) for item in value]
    return _SECRET.sub(lambda found: _secret(found[1], found[2], base), value) if isinstance(value, str) else value


def _secret(kind: str, name: str, base: Path) -> str:
    if kind == "env":
        if name not in os.environ:
            raise ConfigurationError(f"the environment variable {name} that engine.yaml asks for is not set")
        secret = os.environ[name]
    else:
        try:
            secret = (base / name).read_text(encoding="utf-8").strip()
        except (OSError, UnicodeDecodeError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is no UTF-8 text"
            raise ConfigurationError(f"the secret file {name} that engine.yaml asks for cannot be read: {why}") from None
    masking.remember(secret)
    return secret


@cache
def _schema() -> dict[str, Any]:
    text = resources.files("engine.runtime").joinpath("engine.schema.json").read_text(encoding="utf-8")
    schema: dict[str, Any] = json.loads(text)
    return schema


def _check(plain: Any) -> None:
    if jsonschema_rs.Draft202012Validator(_schema()).is_valid(plain):
        return
    from engine.channels.manager import violations  # says in words what is wrong; 60 ms that a sound engine.yaml does not pay

    raise ConfigurationError("\n".join(f"{FILE}: {one}{_REPLACED.get(one.path, '')}" for one in violations(_schema(), plain)))


def _job(name: str, job: Mapping[str, Any]) -> Job:
    zone = job.get("timezone")
    try:
        ZoneInfo(zone or "UTC")
    except (KeyError, ValueError, OSError) as error:
        hint = "write an IANA name such as Asia/Shanghai"
        raise ConfigurationError(f"{FILE}: jobs.{name}.timezone: there is no time zone {zone!r}; {hint}") from error
    return Job(name, job["cron"], job.get("keep", 7), zone, job.get("catch_up", "once"))


def _retries(plain: Mapping[str, Any], attempts: int) -> Retries:
    return Retries(plain.get("attempts", attempts), duration(plain.get("backoff", "30s")), duration(plain.get("longest", "1h")))


def _circuit(plain: Mapping[str, Any]) -> Circuit:
    pause, longest = duration(plain.get("pause", "30s")), duration(plain.get("longest", "10m"))
    return Circuit(plain.get("failures", 5), pause, longest, duration(plain.get("patience", "3d")))


def _rate(plain: str | Mapping[str, Any] | None) -> Rate | None:
    """Read `30/m` or its long form. The burst is what the rate allows in a second, unless it is given."""
    if plain is None:
        return None
    if isinstance(plain, str):
        number, _, unit = plain.partition("/")
        plain = {"limit": int(number), "per": f"1{unit}"}
    limit, per = plain["limit"], duration(plain["per"])
    return Rate(limit, per, plain.get("burst", max(1, math.floor(timedelta(seconds=1) / (per / limit)))))


def _project(root: Path, plain: Mapping[str, Any]) -> Project:
    outbound = plain.get("outbound", "hold")
    redirect = outbound["redirect"] if isinstance(outbound, Mapping) else None
    delivery, operations = plain.get("delivery", {}), plain.get("operations", {})
    channels = []
    for name, settings in plain.get("channels", {}).items():
        if settings.get("enabled", True):
            own = {key: value for key, value in settings.items() if key not in ("enabled", "type", "rate")}
            channels.append(ChannelSettings(name, settings.get("type", name), own, _rate(settings.get("rate"))))
    services = {
        name: {key: value for key, value in settings.items() if key != "enabled"}
        for name, settings in plain.get("services", {}).items()
        if settings.get("enabled", True)
    }
    jobs = [_job(name, job) for name, job in plain.get("jobs", {}).items()]
    return Project(
        root=root,
        database=plain.get("database", "sqlite:///var/engine.db"),
        policies=root / plain.get("policies", "policies"),
        var=root / plain.get("var", "var"),
        outbound="redirect" if redirect else outbound,
        redirect=redirect,
        phone_region=plain.get("phone_region", "CN"),
        handling=_retries(plain.get("handling", {}), 5),
        delivery=_retries(delivery, 8),
        circuit=_circuit(plain.get("circuit", {})),
        send_deadline=duration(delivery.get("deadline", "60s")),
        channels=tuple(channels),
        services=services,
        jobs=tuple(jobs),
        alarm_to=operations.get("alarm_to"),
        clock_jump=duration(operations.get("clock_jump", "1m")),
        waiting_limit=plain.get("intake", {}).get("waiting_limit", WAITING_LIMIT),
        listen=operations.get("listen"),
        traces=operations.get("traces"),
        stalled_after=duration(operations.get("stalled_after", "5m")),
    )
