"""Loads what all tests share, for tests/ and plugins/*/tests alike. The environment it reads is described in CONTRIBUTING.md."""

import pytest

pytest.register_assert_rewrite("tests.faults.house")  # so that its assertions say what they compared

pytest_plugins = ["tests.support.counts", "tests.support.order", "tests.support.parts", "tests.support.postgresql"]
