"""Renders closedloop's reports as HTML, XLSX and PDF. The libraries are imported when a document is rendered, not before."""

from engine.documents import Document, Renderer, hookimpl


def html(document: Document) -> bytes:
    """Return the document as one self-contained page that prints on A4."""
    from engine_reports.page import page

    return page(document).encode()


def pdf(document: Document) -> bytes:
    """Return the document as PDF."""
    from engine_reports.paper import paginated

    return paginated(document)


def xlsx(document: Document) -> bytes:
    """Return the document as a workbook."""
    from engine_reports.workbook import workbook

    return workbook(document)


@hookimpl
def engine_renderers() -> list[Renderer]:
    """The three formats."""
    return [
        Renderer("html", "text/html", html),
        Renderer("pdf", "application/pdf", pdf),
        Renderer("xlsx", "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", xlsx),
    ]
