"""The plugin that docs/fields.md builds: made from the very blocks of the page, built, installed, and asked by a policy."""

import subprocess
from pathlib import Path

from tests.docs.markdown import blocks
from tests.docs.shell import Shell
from tests.docs.workshop import install, lay_out
from tests.support.repository import ROOT

PAGE = ROOT / "docs" / "fields.md"


def test_the_page_is_true_word_for_word(tmp_path: Path, engine_command: Path) -> None:
    """A customer whom the plugin knows is served as the policy says; without the plugin the policy is refused by name."""
    lay_out(PAGE, tmp_path, "crm/")
    installed = install(tmp_path / "crm", tmp_path / "installed")
    subprocess.run([engine_command, "init", tmp_path / "desk"], check=True, capture_output=True)
    lay_out(PAGE, tmp_path, "desk/")
    shell = Shell(tmp_path, engine_command.parent, {"PYTHONPATH": str(installed)})
    try:
        for block in blocks(PAGE):
            if block.comment.startswith("run"):
                shell.follow(block)
    finally:
        shell.close()
    without = subprocess.run([engine_command, "validate", tmp_path / "desk"], capture_output=True, text=True)
    assert without.returncode == 1
    assert "CL204: unknown field `crm.level`" in without.stdout
    assert "no plugin installed here offers this field" in without.stdout
