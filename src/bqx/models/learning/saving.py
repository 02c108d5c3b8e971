"""Fitted models as a folder of text files, each with a hash, and no pickles."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from bqx.dataset.rowsets import strided, unstrided
from bqx.errors import BqxError, IntegrityError
from bqx.models.learning.calibrating import Calibration
from bqx.models.learning.estimator import Estimator, Files
from bqx.models.learning.fitted import FittedModels, ShapeModels
from bqx.models.learning.kinds import restorer
from bqx.models.learning.learner import Learner
from bqx.models.learning.samples import Shape

MANIFEST = "models.json"
FORMAT = 2


def save(models: FittedModels, folder: Path) -> None:
    """Write a manifest and the files of every estimator; the manifest comes last.

    Args:
        models: What to write.
        folder: Made if it is not there. Files of a former model in it are replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    (folder / MANIFEST).unlink(missing_ok=True)
    hashes = {}
    for name, content in _contents(models):
        (folder / name).write_bytes(content)
        hashes[name] = _hash(content)
    text = json.dumps(_described(models, hashes), indent=1)
    (folder / MANIFEST).write_text(f"{_hash(text.encode())}\n{text}\n", encoding="utf-8")


def load(folder: Path) -> FittedModels:
    """Read what `save` wrote.

    Raises:
        IntegrityError: If a file is missing, or is not what was written.
    """
    told = _manifest(folder)
    try:
        return _restored(told, _checked(folder, told["files"]))
    except (KeyError, TypeError, ValueError, BqxError) as error:
        if isinstance(error, IntegrityError):
            raise
        raise _damaged(folder, f"unreadable: {error}") from error


def _contents(models: FittedModels) -> Iterator[tuple[str, bytes]]:
    for shape, one in models.models.items():
        for part, estimator in _estimators(one).items():
            for name, content in estimator.files().items():
                yield f"{_stem(shape, part)}.{name}", content


def _estimators(one: ShapeModels) -> dict[str, Estimator]:
    return {"point": one.point, **{repr(level): m for level, m in one.quantiles.items()}}


def _stem(shape: Shape, part: str) -> str:
    return f"w{shape[0]}_h{shape[1]}.{part}"


def _described(models: FittedModels, hashes: Mapping[str, str]) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "learner": models.learner.to_json(),
        "features": models.features,
        "pairs": models.pairs,
        "levels": models.levels,
        "rows": strided(models.rows),
        "shapes": [
            {
                "shape": shape,
                "count": one.count,
                "quantiles": sorted(one.quantiles),
                "calibration": one.calibration.to_json(),
            }
            for shape, one in models.models.items()
        ],
        "files": hashes,
    }


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        written, _, text = (folder / MANIFEST).read_text(encoding="utf-8").partition("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise _damaged(folder, f"{MANIFEST} cannot be read: {error}") from error
    if _hash(text.removesuffix("\n").encode()) != written:
        raise _damaged(folder, f"{MANIFEST} is not what was written")
    found: dict[str, Any] = json.loads(text)
    if found["format"] != FORMAT:
        raise _damaged(folder, f"{MANIFEST} has format {found['format']}")
    return found


def _checked(folder: Path, hashes: Mapping[str, str]) -> dict[str, bytes]:
    """Contents of all files.

    Raises:
        IntegrityError: If one is missing or has another hash.
    """
    found = {}
    for name, written in hashes.items():
        try:
            content = (folder / name).read_bytes()
        except OSError as error:
            raise _damaged(folder, f"{name} cannot be read: {error}") from error
        if _hash(content) != written:
            raise _damaged(folder, f"{name} is not what was written")
        found[name] = content
    return found


def _restored(told: Mapping[str, Any], contents: Files) -> FittedModels:
    learner = Learner(**told["learner"])
    restore = restorer(learner.kind)

    def estimator(shape: Shape, part: str) -> Estimator:
        stem = f"{_stem(shape, part)}."
        own = contents.items()
        return restore({k.removeprefix(stem): v for k, v in own if k.startswith(stem)})

    models = {}
    for one in told["shapes"]:
        shape: Shape = (one["shape"][0], one["shape"][1])
        of_levels = {level: estimator(shape, repr(level)) for level in one["quantiles"]}
        calibration = Calibration.from_json(one["calibration"])
        models[shape] = ShapeModels(estimator(shape, "point"), of_levels, calibration, one["count"])
    return FittedModels(
        learner,
        tuple(told["features"]),
        tuple(told["pairs"]),
        tuple(told["levels"]),
        unstrided(told["rows"]),
        models,
    )


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _damaged(folder: Path, what: str) -> IntegrityError:
    return IntegrityError(
        f"models in {folder}: {what}",
        expected="files as they were written",
        hint="fit the models again",
    )
