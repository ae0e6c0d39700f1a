"""API keys as text: how one is made, taken apart, and proved without being kept.

A key is `aisle_`, twelve hexadecimal digits by which it is looked up and named in lists, `_` and 256 random bits in
base64url. It is kept as HMAC-SHA256 under a salt of its own: whoever reads the table cannot use it, and a fast hash is
enough, for nobody can try 2^256 keys.
"""

import hmac
import re
import secrets
from dataclasses import dataclass
from typing import Self

_FORM = re.compile(r"aisle_([0-9a-f]{12})_[A-Za-z0-9_-]{43}", re.ASCII)
_ALGORITHM = "hmac-sha256"
_SALT_BYTES = 16


@dataclass(frozen=True, slots=True)
class Seal:
    """What proves a key and does not tell it.

    Args:
        salt: Random bytes, another's for each key.
        digest: HMAC-SHA256 of the key under the salt.
    """

    salt: bytes
    digest: bytes

    @classmethod
    def of(cls, key: str) -> Self:
        """Return a seal of a key, under a new salt."""
        salt = secrets.token_bytes(_SALT_BYTES)
        return cls(salt, hmac.digest(salt, key.encode(), "sha256"))

    @classmethod
    def read(cls, text: str) -> Self:
        """Return the seal that `text` was written from; `ValueError` for anything else."""
        algorithm, salt, digest = text.split(":")
        if algorithm != _ALGORITHM:
            raise ValueError(f"{algorithm} is no way to seal a key")
        return cls(bytes.fromhex(salt), bytes.fromhex(digest))

    @property
    def text(self) -> str:
        """The seal as the table keeps it."""
        return f"{_ALGORITHM}:{self.salt.hex()}:{self.digest.hex()}"

    def fits(self, key: str) -> bool:
        """Return whether a key is the one that was sealed; takes as long whatever is wrong with it."""
        return hmac.compare_digest(hmac.digest(self.salt, key.encode(), "sha256"), self.digest)


def new_key() -> tuple[str, str]:
    """Return a new key's prefix and the key.

    >>> prefix, key = new_key()
    >>> key_prefix(key) == prefix
    True
    """
    prefix = secrets.token_hex(6)
    return prefix, f"aisle_{prefix}_{secrets.token_urlsafe(32)}"


def key_prefix(key: str) -> str | None:
    """Return the prefix of what has the form of a key, else nothing.

    >>> key_prefix("aisle_4f9c2b1e8d5a_no"), key_prefix("Basic YTpi")
    (None, None)
    """
    found = _FORM.fullmatch(key)
    return found[1] if found else None
