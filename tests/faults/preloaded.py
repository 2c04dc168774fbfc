"""What a forked `engine run` need not do any more: import its modules, look for plugins, read the schemas of policies.

Nothing here may start a thread: the process is forked after it.
"""

from importlib import import_module
from pathlib import Path

from engine.channels.manager import ChannelTypes
from engine.policy import compile_policy
from engine.policy.installed import installed

for name in (
    "engine.cli.run",
    "engine.runtime.worker",
    "engine.store.postgresql.store",
    "engine_webhook.channel",
    "tests.faults.failpoints",
):
    import_module(name)
DISCOVERED = ChannelTypes.discover()
installed()
compile_policy(Path(__file__).with_name("policies"))
