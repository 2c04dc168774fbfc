"""The team's console: the board, the supervisor's view, tickets, the phone desk, the house's own work, the policy."""

from starlette.responses import RedirectResponse
from starlette.routing import BaseRoute, Route

from engine_web.console import acting, audit, board, enclosures, figures, phone, policies, ticket, work


def routes() -> list[BaseRoute]:
    """Return the routes of the console."""
    return [
        Route("/console", lambda _: RedirectResponse("/console/board", 303), name="console"),
        Route("/console/board", board.show, name="board"),
        Route("/console/board/live", board.live, name="board_live"),
        Route("/console/find", board.find, name="find"),
        Route("/console/team", board.team, name="team"),
        Route("/console/tickets/{number:str}", ticket.show, name="ticket"),
        Route("/console/tickets/{number:str}/act", acting.act, methods=["POST"], name="ticket_act"),
        Route("/console/tickets/{number:str}/mail/{item:str}", enclosures.mail, name="ticket_mail"),
        Route("/console/tickets/{number:str}/mail/{item:str}/links", enclosures.links, name="ticket_links"),
        Route("/console/tickets/{number:str}/files/{content:str}/{place:str}", enclosures.file, name="ticket_file"),
        Route("/console/phone", phone.show, name="phone"),
        Route("/console/phone", phone.register, methods=["POST"]),
        Route("/console/follow-ups", work.follow_ups, name="follow_ups"),
        Route("/console/measures", work.measures, name="measures"),
        Route("/console/measures", work.change_measures, methods=["POST"]),
        Route("/console/reviews", work.reviews, name="reviews"),
        Route("/console/reviews", work.draw_reviews, methods=["POST"]),
        Route("/console/incidents", work.incidents, name="incidents"),
        Route("/console/incidents", work.open_incident, methods=["POST"]),
        Route("/console/figures", figures.show, name="figures"),
        Route("/console/figures/report", figures.report, name="report"),
        Route("/console/audit", audit.show, name="audit"),
        Route("/console/policy", policies.show, name="policy"),
        Route("/console/policy/tests", policies.run_tests, methods=["POST"], name="policy_tests"),
        Route("/console/policy/would", policies.ask, name="would"),
        Route("/console/policy/would", policies.answer, methods=["POST"]),
    ]
