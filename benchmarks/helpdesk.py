"""django-helpdesk's own e-mail intake beside closedloop's: `python -P benchmarks/helpdesk.py [--mails 300]`.

The same raw mails go, one by one, through `helpdesk.email.extract_email_metadata` into a Django project on a SQLite file (the settings that
Django ships with, and once more with WAL and each mail in one transaction), and through closedloop's channel, inbox and decision into its
own file, each mail a commit when it is taken in and one when it is decided on. helpdesk keeps ticket, follow-up and addresses and mails the
customer and the queue's owner (into memory here); closedloop besides grades, promises, sets clocks, routes, assigns and says why.
"""

import logging
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from benchmarks.house import folder, mail, open_house, say
from benchmarks.intake import deliveries, take

APPS = ("auth", "contenttypes", "sessions", "messages", "admin", "sites", "humanize")
WAL = {"init_command": "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL", "transaction_mode": "IMMEDIATE"}


def set_up(place: Path) -> None:
    """Configure Django for this process: the same schema in two files."""
    import django
    from django.conf import settings
    from django.core.management import call_command
    from django.urls import include, path

    files = {name: {"ENGINE": "django.db.backends.sqlite3", "NAME": place / f"{name}.sqlite3"} for name in ("default", "wal")}
    databases: dict[str, dict[str, Any]] = {**files, "wal": {**files["wal"], "OPTIONS": WAL}}
    settings.configure(
        SECRET_KEY="only for this benchmark",  # noqa: S106  # guards nothing
        DATABASES=databases,
        INSTALLED_APPS=[*(f"django.contrib.{app}" for app in APPS), "rest_framework", "helpdesk"],
        EMAIL_BACKEND="django.core.mail.backends.locmem.EmailBackend",
        TEMPLATES=[{"BACKEND": "django.template.backends.django.DjangoTemplates", "APP_DIRS": True, "DIRS": []}],
        MEDIA_ROOT=str(place / "media"),
        SITE_ID=1,
        USE_TZ=True,
        DEFAULT_AUTO_FIELD="django.db.models.AutoField",
        HELPDESK_TEAMS_MODE_ENABLED=False,
    )
    django.setup()
    settings.ROOT_URLCONF = (path("", include("helpdesk.urls")),)
    for name in files:
        call_command("migrate", database=name, verbosity=0)


class _Everything:
    """Routes all tables to one database."""

    def __init__(self, name: str) -> None:
        self._name = name

    def db_for_read(self, model: object, **hints: object) -> str:
        return self._name

    db_for_write = db_for_read


def helpdesk(name: str, mails: list[str], whole: bool) -> float:
    """Feed mails to helpdesk on the database `name`, each in one transaction if `whole`; return tickets a second."""
    from contextlib import nullcontext

    import django.core.mail
    from django.db import router, transaction
    from helpdesk.email import extract_email_metadata
    from helpdesk.models import Queue, Ticket

    router.routers = [_Everything(name)]
    queue = Queue.objects.create(title="Support", slug="support", allow_email_submission=True, email_address="support@example.org")
    logger = logging.getLogger("helpdesk")
    logger.setLevel(logging.ERROR)
    started = time.perf_counter()
    for one in mails:
        with transaction.atomic(using=name) if whole else nullcontext():
            extract_email_metadata(one, queue, logger)
    seconds = time.perf_counter() - started
    assert Ticket.objects.count() == len(mails)  # noqa: S101  # what was not taken must not count as quick
    django.core.mail.outbox.clear()
    return len(mails) / seconds


@click.command()
@click.option("--mails", default=300, show_default=True)
def main(mails: int) -> None:
    """Feed the same mails to both."""
    if find_spec("helpdesk") is None:
        say("django-helpdesk is not installed (pip install 'closedloop[bench]'): left out")
        return
    raw = [mail(number).decode() for number in range(mails)]
    with folder() as place:
        set_up(place)
        say(f"django-helpdesk, as it comes:             {helpdesk('default', raw, whole=False):8,.0f} tickets/s")
        say(f"django-helpdesk, WAL, a commit each mail: {helpdesk('wal', raw, whole=True):8,.0f} tickets/s")
        for size in (1, 32):
            engine = open_house(place / f"project-{size}", f"sqlite:///{place / f'engine-{size}.db'}")
            started = time.perf_counter()
            take(engine, deliveries(engine, range(mails)), size)
            say(f"closedloop, {size:>2} at a time:                 {mails / (time.perf_counter() - started):8,.0f} tickets/s")
            engine.close()


if __name__ == "__main__":
    main()
