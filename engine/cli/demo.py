"""`engine demo`: a business day in seconds."""

from pathlib import Path

import click


@click.command()
@click.option("--seed", type=int, default=1, show_default=True, help="The same seed plays the same day.")
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("demo"),
    show_default=True,
    help="Where everything is written.",
)
@click.option("--quiet", is_flag=True, help="Only the result, no timeline.")
def command(seed: int, output: Path, quiet: bool) -> None:
    """Play a business day through the very runtime that `engine run` uses, with a clock that runs ahead.

    Prints what happens, ticket by ticket, with the rule that said so; then where the database, the messages and a summary lie.
    """
    from engine.cli.output import say
    from engine.whatif.demo import run_demo

    result = run_demo(output, seed, None if quiet else say)
    say(str(result))
