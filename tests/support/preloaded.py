"""What a forked process need not do any more: import the engine, look for plugins, read schemas, migrations and the shipped policies.

Nothing here may start a thread: the process is forked after it.
"""

from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages

import engine
from engine.channels.manager import ChannelTypes
from engine.policy import compile_policy
from engine.policy.installed import installed
from engine.resources import shipped_policies
from engine.store.sql.migrations import steps
from engine.store.sqlite.schema import MIGRATIONS

for module in walk_packages(engine.__path__, "engine."):
    import_module(module.name)
import_module("tests.faults.failpoints")
for step in steps(MIGRATIONS):
    step.load()
DISCOVERED = ChannelTypes.discover()
installed()
for policies in (shipped_policies(), Path(__file__).parents[1] / "faults" / "policies"):
    compile_policy(policies)
