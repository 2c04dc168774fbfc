"""Loads what all tests share, for tests/ and plugins/*/tests alike. The environment it reads is described in CONTRIBUTING.md."""

pytest_plugins = ["tests.support.counts", "tests.support.parts", "tests.support.postgresql"]
