"""The pages of customers: hand a request in, or chat; see by a link from a message what was promised and how far it is, answer, and rate.

Looking changes nothing: whoever follows a link, a mail scanner too, only reads. What changes something is posted, by the link's token.
"""

from starlette.routing import BaseRoute, Route

from engine.services import PAGES
from engine_web.customers import chat, requests, tickets


def routes() -> list[BaseRoute]:
    """Return the routes of this room."""
    return [
        Route("/request", requests.form, name="request"),
        Route("/request", requests.submit, methods=["POST"]),
        Route("/request/{id}", requests.submitted, name="submitted"),
        Route("/chat", chat.begin, name="chat"),
        Route("/chat", chat.ask, methods=["POST"]),
        Route("/chat/{token}", chat.talk),
        Route("/chat/{token}", chat.say, methods=["POST"]),
        Route("/chat/{token}/live", chat.live),
        Route(f"{PAGES}/{{token}}", tickets.show, name="ticket"),
        Route(f"{PAGES}/{{token}}/files/{{content}}/{{place}}", tickets.file),
        Route(f"{PAGES}/{{token}}/{{deed}}", tickets.act, methods=["POST"]),
    ]
