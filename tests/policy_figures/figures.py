"""Changes one value after the other and asks who notices."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from engine.core.team import Team
from engine.policy import Compilation
from engine.store import Store, open_store
from tests.policy_figures.compiler import compiled, remembering
from tests.policy_figures.lab import Battery, Lab
from tests.policy_figures.mutations import Change, Mutator
from tests.policy_figures.scalars import Scalar, scalars, shipped_files

for _probes in sorted(Path(__file__).parent.glob("probes_*.py")):
    import_module(f"tests.policy_figures.{_probes.stem}")  # they register

DIAGNOSTIC = "diagnostic"


@dataclass(frozen=True)
class Bench:
    """The shipped policy with everything that is needed to change it."""

    files: dict[str, str]
    scalars: tuple[Scalar, ...]
    store: Store
    directory: Path
    battery: Battery

    def unnoticed(self, scalar: Scalar) -> Iterator[Change]:
        """Yield the changes of a value that nothing notices."""
        for change in Mutator(self.files, list(self.scalars)).changes(scalar):
            if not self._makes_a_difference(change):
                yield change

    def _makes_a_difference(self, change: Change) -> bool:
        """Whether one of the sound ways is noticed; a diagnostic counts only where no way is sound."""
        sound = 0
        for text in change.ways:
            found = self.noticed(change.scalar, text)
            sound += found is None or not found.startswith(DIAGNOSTIC)
            if found is not None and not found.startswith(DIAGNOSTIC):
                return True
        return not sound

    def noticed(self, scalar: Scalar, text: str) -> str | None:
        """Who notices, and by what, that the file of the value has this text instead; None for nobody."""
        policy, team, wrong = compiled({**self.files, scalar.file: text}, self.directory)
        if wrong:
            return f"{DIAGNOSTIC} {wrong[0].code}: {wrong[0].message}"
        found = self.battery.difference(scalar, self._lab(policy, team))
        return None if found is None else f"{found[0]}: {found[1]!r} → {found[2]!r}"

    def changed(self, file: str, text: str) -> Lab:
        """The policy, which must be sound, with another text for one file."""
        policy, team, wrong = compiled({**self.files, file: text}, self.directory)
        assert not wrong, wrong[:3]
        return self._lab(policy, team)

    def _lab(self, policy: Compilation, team: Team | None) -> Lab:
        assert policy.policy is not None
        assert team is not None
        return Lab(self.store, policy.policy, team, self.scalars, policy.files)


@contextmanager
def bench(directory: Path) -> Iterator[Bench]:
    files = shipped_files()
    found = tuple(scalars(files))
    store = open_store("sqlite://:memory:")
    with remembering():
        policy, team, wrong = compiled(files, directory)
        assert not wrong, wrong[:3]
        assert policy.policy is not None
        assert team is not None
        yield Bench(files, found, store, directory, Battery(Lab(store, policy.policy, team, found, policy.files)))
    store.close()
