"""Where the files that travel with the engine lie: inside the installed package, or in the repository of an editable install."""

from pathlib import Path

from engine.errors import ConfigurationError, NotFound

_PACKAGE = Path(__file__).resolve().parent
_PLACES = (_PACKAGE / "_shipped", _PACKAGE.parent)
"""A wheel carries shipped files in the first place; the repository is the second."""


def shipped_policies() -> Path:
    """The directory of the shipped default policies. Raises ConfigurationError if the installation is damaged."""
    return _found("policies")


def explained_diagnostics() -> Path:
    """The page that explains every diagnostic. Raises ConfigurationError if the installation is damaged."""
    return _found("docs/diagnostics.md")


def _found(name: str) -> Path:
    for place in _PLACES:
        if (place / name).exists():
            return place / name
    looked = " and ".join(map(str, _PLACES))
    raise ConfigurationError(f"The shipped {name} is missing; it was looked for in {looked}. Install closedloop again.")


def shipped(name: str) -> Path:
    """One shipped policy file by its path below the policies directory, such as `sla.yaml` or `calendars/cn_office.yaml`.

    Raises NotFound for a name that is not shipped or that leads out of the directory.
    """
    directory = shipped_policies().resolve()
    path = (directory / name).resolve()
    if not path.is_relative_to(directory) or not path.is_file():
        known = ", ".join(sorted(str(found.relative_to(directory)) for found in directory.rglob("*.yaml")))
        raise NotFound(f"No shipped policy file is named {name!r}. Shipped are: {known}.")
    return path
