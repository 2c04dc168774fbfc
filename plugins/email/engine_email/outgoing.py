"""SMTP: one message at a time over a connection of its own, every fault told as temporary or permanent."""

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from engine.channels import PermanentFailure, TemporaryFailure
from engine_email.settings import Security, Server

_TIMEOUT_SECONDS = 30.0
_TOO_LARGE = 552
_LOGIN_WANTED = 530


class SmtpOutbox:
    """Hands messages to one SMTP server; `domain` is what it says of itself in EHLO."""

    def __init__(self, server: Server, domain: str) -> None:
        self._server = server
        self._domain = domain

    def send(self, sender: str, recipient: str, content: bytes) -> None:
        """Return once the server has accepted the message. Raises TemporaryFailure or PermanentFailure."""
        with self._connection() as smtp:
            try:
                smtp.sendmail(sender, [recipient], content)
            except smtplib.SMTPRecipientsRefused as problem:
                code, reply = problem.recipients[recipient]
                raise _failure(code, reply, "refused the recipient") from problem
            except smtplib.SMTPDataError as problem:
                raise _failure(problem.smtp_code, problem.smtp_error, "refused the message") from problem
            except smtplib.SMTPSenderRefused as problem:
                if problem.smtp_code == _TOO_LARGE:
                    raise _failure(problem.smtp_code, problem.smtp_error, "refused the message") from problem
                raise TemporaryFailure(
                    f"the SMTP server {self._server} does not let us send as {sender}: {_said(problem.smtp_code, problem.smtp_error)}; "
                    "check from.address, smtp.username and smtp.password"
                ) from problem

    def check(self) -> list[str]:
        """Log in and out again; return what was done. Raises TemporaryFailure."""
        with self._connection():
            login = f"logged in as {self._server.username}" if self._server.username else "no login configured"
            return [f"SMTP {self._server}: connected, {login}"]

    @contextmanager
    def _connection(self) -> Iterator[smtplib.SMTP]:
        server = self._server
        with self._explained():
            smtp = self._connect()
        try:
            with self._explained():
                if server.security is Security.STARTTLS:
                    smtp.starttls(context=tls_context(server))
                if server.username:
                    smtp.login(server.username, server.password)
            with self._explained():
                yield smtp
        finally:
            # What the server accepted stays accepted when the farewell goes wrong: reporting that as a failure would send it twice.
            with suppress(smtplib.SMTPException, OSError):
                smtp.quit()
            smtp.close()

    def _connect(self) -> smtplib.SMTP:
        server = self._server
        if server.security is Security.TLS:
            return smtplib.SMTP_SSL(
                server.host, server.port, local_hostname=self._domain, timeout=_TIMEOUT_SECONDS, context=tls_context(server)
            )
        return smtplib.SMTP(server.host, server.port, local_hostname=self._domain, timeout=_TIMEOUT_SECONDS)

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Turn the library's errors into TemporaryFailure with a hint; our own pass."""
        try:
            yield
        except smtplib.SMTPAuthenticationError as problem:
            raise TemporaryFailure(
                f"the SMTP server {self._server} refuses the login of {self._server.username}: "
                f"{_said(problem.smtp_code, problem.smtp_error)}; check smtp.username and smtp.password"
            ) from problem
        except smtplib.SMTPNotSupportedError as problem:
            raise TemporaryFailure(
                f"the SMTP server {self._server} cannot do what is configured: {problem}; check smtp.security"
            ) from problem
        except (smtplib.SMTPException, OSError) as problem:
            raise TemporaryFailure(f"the SMTP server {self._server} is away: {type(problem).__name__}: {problem}") from problem


def tls_context(server: Server) -> ssl.SSLContext:
    """Return a context that verifies the server, by the system's authorities or by `ca_file`. Raises TemporaryFailure without the file."""
    try:
        return ssl.create_default_context(cafile=server.ca_file)
    except OSError as problem:
        raise TemporaryFailure(f"ca_file {server.ca_file} cannot be read: {problem}") from problem


def _failure(code: int, reply: bytes | str, what: str) -> PermanentFailure | TemporaryFailure:
    """RFC 5321, 4.2.1: a reply of 5xx will not change by trying again, one of 4xx may. 530 asks for a login: mended in the settings."""
    message = f"the SMTP server {what}: {_said(code, reply)}"
    return PermanentFailure(message) if code >= 500 and code != _LOGIN_WANTED else TemporaryFailure(message)


def _said(code: int, reply: bytes | str) -> str:
    text = reply.decode("utf-8", errors="replace") if isinstance(reply, bytes) else reply
    return f"{code} {' '.join(text.split())[:300]}"
