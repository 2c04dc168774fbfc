"""What encrypts survey answers while they wait. The key lies in a file beside the database, never in it."""

import os
import secrets
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from engine.core.commands import KeepAnswer
from engine.errors import ConfigurationError
from engine.store.codec import encode
from engine.store.contract import Store
from engine.store.rows import WaitingRow

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_FILE = "answers.key"
_KEY_NAME = "answers_key"
_SHARED = "answers_key_of_all"
"""Several machines find it where they all look; who may read that database can open what waits there."""
_NONCE = 12
_SIZE = 16_384
"""Bytes that every sealed answer is padded to a multiple of, for its length would tell whose it is."""


class Seal:
    """Encrypts with AES-256 in Galois/counter mode (NIST SP 800-38D), by a key of 32 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @classmethod
    def fresh(cls) -> "Seal":
        """Return one whose key nobody keeps, for what never leaves the memory."""
        return cls(secrets.token_bytes(32))

    def close(self, answer: KeepAnswer, id: str) -> bytes:
        """Return the answer in a form that only `open` reads, bound to the id of its row."""
        plain = encode(replace(answer, look_at=None)).encode()
        nonce = secrets.token_bytes(_NONCE)
        return nonce + self._cipher().encrypt(nonce, plain.ljust(-(-len(plain) // _SIZE) * _SIZE), id.encode())

    def open(self, row: WaitingRow) -> KeepAnswer:
        """Return the answer that waits in the row. Raises ConfigurationError if it was sealed with another key."""
        from cryptography.exceptions import InvalidTag

        try:
            plain = self._cipher().decrypt(row.sealed[:_NONCE], row.sealed[_NONCE:], row.id.encode())
        except InvalidTag:
            raise ConfigurationError(f"a survey's answer waits under another key: {_HINT}") from None
        return msgspec.json.decode(plain, type=KeepAnswer)

    def _cipher(self) -> "AESGCM":
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # 25 ms that only an answer should cost

        return AESGCM(self._key)


_HINT = f"put the {KEY_FILE} that this database was used with first into var/ (every machine that shares the database needs the same)"


def load_seal(var: Path, store: Store, seed: bytes | None = None) -> Seal:
    """Return the installation's seal; its key is made on first use, from `seed` where a run must repeat itself.

    Raises ConfigurationError if the database knows another.
    """
    with store.write() as tx:
        shared = tx.first_meta(_SHARED, secrets.token_hex(32)) if store.shared and tx.meta(_KEY_NAME) is None else tx.meta(_SHARED)
    if shared is not None:
        return Seal(bytes.fromhex(shared))
    path = var / KEY_FILE
    try:
        with store.read() as reader:
            known = reader.meta(_KEY_NAME)
        if known is None and not path.exists():
            _write(path, sha256(seed).hexdigest() if seed else secrets.token_hex(32))
        key = bytes.fromhex(path.read_text(encoding="ascii").strip())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"the key of survey answers, {path}, cannot be read ({type(error).__name__}): {_HINT}") from error
    with store.write() as tx:
        if tx.first_meta(_KEY_NAME, print_of(key)) != print_of(key):
            raise ConfigurationError(f"{path} is not the key of this database: {_HINT}")
    return Seal(key)


def print_of(key: bytes) -> str:
    """Return what the database knows the key by, from which it cannot be found again."""
    return sha256(b"closedloop answers" + key).hexdigest()[:32]


def _write(path: Path, text: str) -> None:
    """Write the file whole and for its owner only, or leave the one that somebody else has just written."""
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(part, path)
    except FileExistsError:
        return
    finally:
        part.unlink()
