"""The web of closedloop: pages for customers, a console for the team, an API for programs."""
