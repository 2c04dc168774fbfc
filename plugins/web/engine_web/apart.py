"""A page that is shown in a frame of ours: it runs nothing, loads nothing and leads nowhere by itself."""

from starlette.responses import HTMLResponse

from engine_web.guards import APART

_PAGE = """\
<!doctype html>
<html lang="{language}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>body {{ margin: 12px; background: #fff; color: #1a1f24; font: 15px/1.5 system-ui, sans-serif; overflow-wrap: anywhere; }}
img {{ max-width: 100%; }}</style></head>
<body>{body}</body></html>
"""


def apart(body: str, language: str, title: str, status: int = 200) -> HTMLResponse:
    """Return a page for a frame. `body` is HTML that is fit for it, `title` a text of ours."""
    return HTMLResponse(_PAGE.format(language=language, title=title, body=body), status, headers=APART)
