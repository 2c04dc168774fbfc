"""The command `engine`: one module per verb, thin. Each verb imports what it needs when it runs, so that help is there at once."""

from engine.cli.app import main

__all__ = ["main"]
