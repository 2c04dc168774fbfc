"""yoyo on a connection to PostgreSQL."""

from yoyo.backends.core.postgresql import PostgresqlPsycopgBackend

from engine.store.sql.migrations import OnGivenConnection

_ONE_AT_A_TIME = "SELECT pg_advisory_xact_lock(202405120001)"  # any number that no other program takes


class Backend(OnGivenConnection, PostgresqlPsycopgBackend):  # type: ignore[misc]  # yoyo has no types
    """yoyo's PostgreSQL backend inside one transaction that no other process migrates beside."""

    def begin(self) -> None:
        """Wait for whoever migrates now."""
        super().begin()
        self.execute(_ONE_AT_A_TIME)
