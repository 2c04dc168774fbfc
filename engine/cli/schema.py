"""`engine schema`: the JSON Schemas of policy files, for editors."""

import json
from pathlib import Path

import click

from engine.channels import write_atomically
from engine.cli.app import FINDINGS
from engine.policy.schema import schema
from engine.policy.vocabulary import KINDS_OF_FILE


@click.command()
@click.argument("section", required=False, type=click.Choice(KINDS_OF_FILE))
@click.option("--output", type=click.Path(path_type=Path, file_okay=False), help="Write the schemas of all kinds into this directory.")
@click.option(
    "--check", type=click.Path(path_type=Path, file_okay=False), help="Say whether the schemas in this directory are the present ones."
)
def command(section: str | None, output: Path | None, check: Path | None) -> int:
    """Print the JSON Schema of a kind of policy file: SECTION is what the file is named after, such as sla. Without it, list the kinds.

    The schemas know the fields that plugins add on this machine. Shipped policies name theirs in their first lines, in .schemas/.
    """
    for kind in KINDS_OF_FILE if output is not None else ():
        write_atomically((output or Path()) / f"{kind}.json", text_of(kind).encode())
    if check is not None:
        stale = [kind for kind in KINDS_OF_FILE if _kept(check / f"{kind}.json") != text_of(kind)]
        for kind in stale:
            click.echo(f"{check / f'{kind}.json'} is not the present schema; `engine schema --output {check}` writes it")
        return FINDINGS if stale else 0
    if section is not None:
        click.echo(text_of(section), nl=False)
    elif output is None:
        click.echo("\n".join(KINDS_OF_FILE))
    return 0


def text_of(kind: str) -> str:
    """Return the schema of a kind of file as it is printed and shipped."""
    return json.dumps(schema(kind), ensure_ascii=False, indent=1) + "\n"


def _kept(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""
