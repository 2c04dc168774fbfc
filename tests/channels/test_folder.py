"""Files that are written for others to read."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from engine.channels import write_atomically


def test_what_several_write_at_once_is_whole_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    content, path = b"x" * 100_000, tmp_path / "new" / "file"
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: write_atomically(path, content), range(40)))
    assert [(one.name, one.read_bytes() == content) for one in path.parent.iterdir()] == [("file", True)]
