"""Which n-grams stand behind hashed buckets: found again in texts that are known to hold them."""

from collections.abc import Iterable, Iterator

from aisle.features.ngrams import CHAR_SEED, FINISH, STEP, WORD_SEED, Shape

_MASK = (1 << 64) - 1


def spell_buckets(texts: Iterable[str], buckets: Iterable[int], shape: Shape) -> dict[int, str]:
    """Return an n-gram for each bucket that some texts hold; character n-grams show a token's ends as `_`.

    Of several n-grams in one bucket the first found is told. This is plain Python, for reports: a few hundred texts.

    Args:
        texts: What `normalise` returned.
        buckets: The buckets to spell.
        shape: Which n-grams, and how many bits.

    >>> spell_buckets(["jeu video"], range(2**20), (2, 2, 5, 5, 20))
    {512263: 'jeu video', 752670: '_jeu_', 707319: '_vide', 887741: 'video', 668486: 'ideo_'}
    """
    wanted, found = set(buckets), dict[int, str]()
    for text in texts:
        if not wanted:
            break
        for kind, gram in _grams(text, shape):
            bucket = _bucket(gram, kind, shape[4])
            if bucket in wanted:
                wanted.discard(bucket)
                found[bucket] = gram.replace(" ", "_") if kind else gram
    return found


def _grams(text: str, shape: Shape) -> Iterator[tuple[int, str]]:
    """Yield n-grams and their kind: 0 of words, 1 of characters."""
    word_low, word_high, char_low, char_high, _ = shape
    tokens = text.split(" ") if text else []
    for size in range(word_low, word_high + 1):
        for start in range(len(tokens) - size + 1):
            yield 0, " ".join(tokens[start : start + size])
    for token in tokens:
        padded = f" {token} "
        if len(padded) < char_low:
            yield 1, padded
            continue
        for size in range(char_low, min(char_high, len(padded)) + 1):
            for start in range(len(padded) - size + 1):
                yield 1, padded[start : start + size]


def _bucket(gram: str, kind: int, bits: int) -> int:
    state = CHAR_SEED if kind else WORD_SEED
    for character in gram:
        state = ((state ^ ord(character)) * STEP) & _MASK
    mixed = ((state ^ (state >> 32)) * FINISH) & _MASK
    half = 1 << (bits - 1)
    return (mixed >> (64 - (bits - 1))) + kind * half
