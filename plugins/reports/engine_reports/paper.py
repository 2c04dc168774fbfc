"""A document as PDF: its page, set by WeasyPrint. It is handed nothing but that page, and may load nothing."""

import logging
from typing import NoReturn

from engine.documents import Document
from engine.errors import EngineError
from engine_reports.page import page


def paginated(document: Document) -> bytes:
    """Return the PDF. Raises EngineError where the libraries are missing that set its text."""
    try:
        from weasyprint import HTML
    except OSError as error:
        raise EngineError(f"PDF needs Pango ({error}): apt-get install libpango-1.0-0 libpangoft2-1.0-0") from error
    logging.getLogger("weasyprint").setLevel(logging.ERROR)  # its warnings call each property of SVG one that CSS does not know
    written: bytes = HTML(string=page(document, letters=True), url_fetcher=_nothing).write_pdf(pdf_identifier=document.name.encode())
    return written


def _nothing(url: str, *_: object, **__: object) -> NoReturn:
    raise EngineError(f"a report loads nothing, and not {url}")
