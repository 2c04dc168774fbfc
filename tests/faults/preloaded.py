"""What a forked `engine run` need not do any more: import its modules, look for plugins, read the schemas of policies.

Nothing here may start a thread: the process is forked after it.
"""

from pathlib import Path

import tests.faults.failpoints  # noqa: F401
from engine.channels.manager import ChannelTypes
from engine.policy import compile_policy
from engine.policy.installed import installed

DISCOVERED = ChannelTypes.discover()
installed()
compile_policy(Path(__file__).with_name("policies"))
