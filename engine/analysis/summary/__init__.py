"""The summary of a period, such as a day: counted out of the store, and shown as one self-contained page."""

from engine.analysis.summary.collect import summarise
from engine.analysis.summary.model import Summary
from engine.analysis.summary.page import summary_html

__all__ = ["Summary", "summarise", "summary_html"]
