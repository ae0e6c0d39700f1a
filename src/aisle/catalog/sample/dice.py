"""Random numbers that are the same on every machine and with every version of numpy."""

import numpy as np
import numpy.typing as npt

from aisle.digest import sha256


class Dice:
    """A stream of random numbers named by a key.

    Only the raw output of PCG64 is used, which numpy promises never to change; its distributions may. Doubles and whole
    numbers are made from it by exact arithmetic.

    Args:
        key: Whole numbers of at least 0; another key gives an independent stream.

    >>> Dice(2025, 1).below(100, 5).tolist() == Dice(2025, 1).below(100, 5).tolist()
    True
    """

    def __init__(self, *key: int) -> None:
        # SeedSequence fills short keys with noughts and cuts long numbers; the digest keeps apart what it takes for one.
        digest = sha256(",".join(map(str, key)).encode())
        self._bits = np.random.PCG64(np.random.SeedSequence(int(digest, 16)))

    def raw(self, count: int) -> npt.NDArray[np.uint64]:
        """Return so many words of 64 random bits."""
        return np.asarray(self._bits.random_raw(count), dtype=np.uint64)

    def uniform(self, count: int) -> npt.NDArray[np.float64]:
        """Return so many doubles in [0, 1), multiples of 2 to the power of -53."""
        return (self.raw(count) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def below(self, limit: int, count: int) -> npt.NDArray[np.int64]:
        """Return so many whole numbers from 0 to `limit` - 1."""
        return np.floor(self.uniform(count) * limit).astype(np.int64)

    def chance(self, share: float, count: int) -> npt.NDArray[np.bool_]:
        """Return so many marks, each true with the probability `share`."""
        return self.uniform(count) < share

    def order(self, count: int) -> npt.NDArray[np.int64]:
        """Return the numbers from 0 to `count` - 1 in random order."""
        return np.argsort(self.raw(count), kind="stable").astype(np.int64)
