"""closedloop: service promises as policy, kept by a small runtime."""

__version__ = "0.1.0"
