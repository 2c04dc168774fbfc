"""The webhook channel: each message a signed POST to one endpoint, and every answer told as sent, temporary or permanent."""

import difflib
import json
import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from hashlib import sha256
from http import HTTPStatus
from http.client import responses

from engine.channels import ChannelContext, Delivery, Inbound, Outbound, PermanentFailure, Receipt, Rejected, Sent, TemporaryFailure
from engine_webhook.posting import Answer, Exchange
from engine_webhook.settings import Endpoint
from engine_webhook.signing import signature

_MESSAGE_ID = re.compile(r"[A-Za-z0-9._:-]{1,200}")
# Statuses below 500 that a later try may overcome.
_PASSING = (HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS)
_HINTS: Mapping[int, str] = {
    HTTPStatus.UNAUTHORIZED: "check its secret and headers",
    HTTPStatus.FORBIDDEN: "check its secret and headers",
    HTTPStatus.NOT_FOUND: "check its url",
    HTTPStatus.GONE: "it takes no more: take it out of the settings and of the policy",
}


class WebhookChannel:
    """Posts to `endpoints`, by name. Nothing is kept open between two messages."""

    def __init__(self, endpoints: Mapping[str, Endpoint], context: ChannelContext) -> None:
        """Connect to nothing yet."""
        self._endpoints = endpoints
        self._context = context
        self._exchange: Exchange | None = None

    def open(self) -> None:
        """Connections are made when they are needed."""

    def close(self) -> None:
        """End the `send` that waits for an answer."""
        exchange = self._exchange  # the other thread may be done with it at any moment
        if exchange is not None:
            exchange.abort()

    def receive(self, timeout: float) -> Iterable[Delivery]:
        """Nothing comes in; wait as long as asked."""
        self._context.stopping.wait(timeout)
        return ()

    def parse(self, raw: bytes, name: str) -> Iterable[Inbound | Receipt | Rejected]:
        """Reject whatever a person hands over."""
        reason = f"channel {self._context.name} only sends: feed it to the channel it came over"
        return [Rejected(sha256(raw).hexdigest(), name, raw, reason)]

    def send(self, message: Outbound) -> Sent:
        """Post `message.text` as it is to the endpoint named `message.to`; the provider id is the webhook-id.

        Raises TemporaryFailure or PermanentFailure.
        """
        endpoint = self._named(message.to)
        if not _MESSAGE_ID.fullmatch(message.message_id):
            raise PermanentFailure(f"{message.message_id[:80]!r} cannot be a webhook-id")
        if message.attachments:
            raise PermanentFailure("a webhook cannot carry attachments")
        try:
            body = message.text.encode()
        except UnicodeEncodeError as error:
            raise PermanentFailure(f"the text holds half a character at position {error.start}: it cannot be sent") from error
        # "Important … not be allowed to include any `.`": a full stop parts id, time and body in what is signed.
        webhook_id = message.message_id.replace(".", "-")
        answer = self._post(endpoint, webhook_id, message.message_id, body)
        if not 200 <= answer.status < 300:
            raise self._failure(endpoint, answer)
        return Sent(provider_id=webhook_id)

    def check(self, to: str | None) -> list[str]:
        """Reach every endpoint without sending anything; or only the one named `to`, and send it a test document.

        Raises TemporaryFailure that names all that are away, or PermanentFailure.
        """
        steps, problems = [], []
        for endpoint in self._endpoints.values() if to is None else [self._named(to)]:
            try:
                steps.append(f"{endpoint} can be reached: {Exchange(endpoint).reach()}")
            except TemporaryFailure as problem:
                problems.append(str(problem))
        if problems:
            raise TemporaryFailure("; ".join(problems))
        if to is not None:
            now = self._context.now()
            document = {"type": "channel.test", "timestamp": now.isoformat(), "data": {"channel": self._context.name}}
            sent = self.send(Outbound(f"channel-test-{now:%Y%m%dT%H%M%S%f}", to, json.dumps(document)))
            steps.append(f"{self._endpoints[to]} took a test document: {sent.provider_id}")
        return steps

    def _named(self, name: str) -> Endpoint:
        if name in self._endpoints:
            return self._endpoints[name]
        near = difflib.get_close_matches(name[:80], self._endpoints, n=1)
        meant = f"; did you mean {near[0]!r}?" if near else ""
        raise PermanentFailure(f"channel {self._context.name} has no endpoint {name[:80]!r} (it has {', '.join(self._endpoints)}){meant}")

    def _post(self, endpoint: Endpoint, webhook_id: str, message_id: str, body: bytes) -> Answer:
        timestamp = int(self._context.now().timestamp())
        headers = {
            **endpoint.headers,
            "Content-Type": "application/json",
            "Idempotency-Key": message_id,
            "webhook-id": webhook_id,
            "webhook-timestamp": str(timestamp),
            "webhook-signature": signature(endpoint.keys, webhook_id, timestamp, body),
        }
        self._exchange = Exchange(endpoint)
        try:
            return self._exchange.post(body, headers)
        finally:
            self._exchange = None

    def _failure(self, endpoint: Endpoint, answer: Answer) -> TemporaryFailure | PermanentFailure:
        """Say what a status other than 2xx means (RFC 9110, 15): a later try may overcome 5xx and a few of 4xx, nothing else."""
        status = answer.status
        redirected = "redirections are not followed, put the final address in its url" if 300 <= status < 400 else ""
        hint = _HINTS.get(status, redirected)
        said = f"{endpoint} answered {status} {responses.get(status, '')}".rstrip() + (f": {hint}" if hint else "")
        if status in _PASSING or not 300 <= status < 500:
            return TemporaryFailure(said, _seconds(answer.retry_after, self._context.now()))
        return PermanentFailure(said)


def _seconds(retry_after: str, now: datetime) -> float | None:
    """Read a Retry-After (RFC 9110, 10.2.3), seconds or a date; None if it says nothing we understand."""
    if re.fullmatch("[0-9]{1,9}", retry_after):
        return float(retry_after)
    try:
        at = parsedate_to_datetime(retry_after[:64])
    except ValueError:
        return None
    at = at if at.tzinfo is not None else at.replace(tzinfo=UTC)  # "-0000" and obsolete forms: HTTP knows no other zone
    return max((at - now).total_seconds(), 0)
