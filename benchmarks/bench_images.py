"""How fast image files become features beside decoding them alone, and how well images alone tell categories.

python -m benchmarks.bench_images
"""

import hashlib
import io
import sys
import time
import zipfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile
from sklearn.metrics import f1_score
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from aisle.catalog.images import decode_rgb
from aisle.features.image import ImageConfig, ImageFeatures
from aisle.models import boosting_fit, logistic_fit
from aisle.models.options import BoostingOptions, LogisticOptions
from benchmarks.reporting import Figure, report
from tests.catalogues import real_catalogues

REPEATS = 12
FILES = 320
"""Images that rates are measured on."""
EXAMPLES = 4_000
PENALTY = 0.1
LEAST_RATE = 0.7
LEAST_F1 = 0.40


def made_up(edge: int) -> list[bytes]:
    """Return JPEG files of noise and shapes on white, of about the size of a shop's."""
    rng = np.random.default_rng(1)
    files = []
    for _ in range(FILES):
        noise = Image.fromarray(rng.integers(0, 256, (edge // 8, edge // 8, 3), dtype=np.uint8)).resize((edge, edge))
        image = Image.new("RGB", (edge, edge), "white")
        left, top = rng.integers(0, edge // 3, 2).tolist()
        image.paste(noise.crop((left, top, edge - left, edge - top)), (left, top))
        stream = io.BytesIO()
        image.save(stream, "JPEG", quality=85)
        files.append(stream.getvalue())
    return files


def from_archive(archive: Path, most: int) -> list[bytes]:
    """Return the first image files of an archive."""
    with zipfile.ZipFile(archive) as files:
        names = [name for name in files.namelist() if name.lower().endswith((".jpg", ".jpeg"))]
        return [files.read(name) for name in names[:most]]


def reduced(data: bytes, size: int) -> None:
    """Decode a JPEG and bring it to a square by Pillow alone: no check, no turn, no border, no transparency."""
    image = JpegImageFile(io.BytesIO(data))
    image.draft("RGB", (size, size))
    image.convert("RGB").resize((size, size), Image.Resampling.BILINEAR)


def turns(*works: Callable[[], object]) -> list[float]:
    """Return the fewest seconds of own time on a core of works that take turns, so that all see the same machine."""
    taken: list[list[float]] = [[] for _ in works]
    for _ in range(REPEATS):
        for work, times in zip(works, taken, strict=True):
            begin = time.process_time()
            work()
            times.append(time.process_time() - begin)
    return [min(times) for times in taken]


def rates(files: Sequence[bytes], edge: int) -> list[Figure]:
    """Measure how many images a second and core."""
    features = ImageFeatures.learn(files, ImageConfig(), seed=1)
    size = features.config.decoded
    features.rows(files[:20])
    ours, bare, pillow, singly = turns(
        lambda: features.rows(files),
        lambda: [decode_rgb(data, size) for data in files],
        lambda: [reduced(data, size) for data in files],
        lambda: [features.rows([data]) for data in files],
    )
    count = len(files)
    return [
        Figure(f"{edge} px to features", count / ours, "images/s"),
        Figure(f"{edge} px to features, one at a time", count / singly, "images/s"),
        Figure(f"{edge} px decoded and reduced alone", count / bare, "images/s"),
        Figure(f"{edge} px, ratio", bare / ours, "", LEAST_RATE),
        Figure(f"{edge} px decoded by Pillow, unchecked", count / pillow, "images/s"),
        Figure(f"{edge} px, ratio to Pillow, unchecked", pillow / ours),
    ]


def labelled(folder: Path) -> tuple[list[bytes], NDArray[np.intp], NDArray[np.bool_]]:
    """Return the labelled images, their classes, and which are judged on: 15 in 100, the same files on the same side."""
    rows = pl.read_csv(folder / "X_train_update.csv")
    codes = pl.read_csv(folder / "Y_train_CVw08PX.csv")["prdtypecode"].to_numpy()
    with zipfile.ZipFile(folder / "images.zip") as archive:
        files = [
            archive.read(f"images/image_train/image_{image}_product_{product}.jpg")
            for image, product in rows.select("imageid", "productid").iter_rows()
        ]
    digests = [hashlib.sha256(data).hexdigest() for data in files]
    judged = [int(hashlib.md5(digest.encode()).hexdigest(), 16) % 100 < 15 for digest in digests]
    return files, np.unique(codes, return_inverse=True)[1].astype(np.intp), np.array(judged)


def accuracy(folder: Path) -> list[Figure]:
    """Measure what images alone tell, by one split."""
    files, labels, judged = labelled(folder)
    learnt = np.flatnonzero(~judged)
    classes = int(labels.max()) + 1
    drawn = np.random.default_rng(1).permutation(learnt)[:EXAMPLES]
    begin = time.process_time()
    features = ImageFeatures.learn([files[place] for place in drawn], ImageConfig(), seed=1)
    learning = time.process_time() - begin
    begin = time.process_time()
    values = features.rows(files).values
    looking = time.process_time() - begin
    train, test = np.ascontiguousarray(values[learnt]), np.ascontiguousarray(values[judged])
    with threadpool_limits(1):
        begin = time.process_time()
        logistic = logistic_fit.fit(train, labels[learnt], classes, LogisticOptions(penalty=PENALTY), seed=1, jobs=1)
        fitting = time.process_time() - begin
        boosting = boosting_fit.fit(train, labels[learnt], classes, BoostingOptions(), seed=1, jobs=1)
        answers = {"logistic": _softmax(logistic.scores(test)), "boosting": _softmax(boosting.scores(test))}
    answers["both"] = answers["logistic"] ** 1.5 * answers["boosting"]
    bars = {"logistic": LEAST_F1, "boosting": None, "both": LEAST_F1}
    return [
        Figure("columns", features.width),
        Figure("bytes in a bundle", sum(map(len, features.to_parts()[1].values())), "", 2_000_000, higher_is_better=False),
        Figure(f"seconds to learn from {len(drawn):,} images", learning, "s"),
        Figure(f"seconds to look at {len(files):,} images", looking, "s"),
        Figure("seconds to fit logistic regression", fitting, "s"),
        *(
            Figure(
                f"weighted F1, {name}", float(f1_score(labels[judged], p.argmax(axis=1), average="weighted")), "", bars[name]
            )
            for name, p in answers.items()
        ),
    ]


def _softmax(scores: NDArray[np.float32]) -> NDArray[np.float64]:
    powers = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=1, keepdims=True))


def main() -> int:
    """Run the benchmark and return the exit status."""
    folder = real_catalogues()
    small = folder / "rakuten-14k" if folder else None
    large = folder / "rakuten-raw" if folder else None
    figures = rates(from_archive(small / "images.zip", FILES) if small else made_up(256), 256)
    figures += rates(from_archive(large / "images.zip", FILES) if large else made_up(500), 500)
    if small:
        figures += accuracy(small)
    else:
        print("No real catalogue in AISLE_TEST_DATA: how well images tell categories was not measured.", file=sys.stderr)
    return report("images", figures, about={"data": "real" if folder else "made up", "files": FILES})


if __name__ == "__main__":
    sys.exit(main())
