"""A run that is killed again and again is in the end what it would have been."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bqx.models.runs.folder import file_entries
from bqx.models.runs.run import Run
from bqx.models.runs.training import train
from runsets import PAIRS, TARGETS, made_dataset, small_selection, small_spec

SPEC = small_spec(pairs=PAIRS, selection=small_selection(), refresh=2, targets=TARGETS[:2])

CHILD = """
import os, signal, sys
from pathlib import Path
import bqx
from bqx.models.runs.spec import RunSpec
from bqx.models.runs import unit
from bqx.models.runs.training import train
import json

left = int(sys.argv[4])

def deadly(real):
    def step(*args, **options):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*args, **options)
    return step

Path.rename, Path.write_bytes = deadly(Path.rename), deadly(Path.write_bytes)
Path.replace = deadly(Path.replace)
unit.shutil.rmtree, unit.sync = deadly(unit.shutil.rmtree), deadly(unit.sync)
spec = RunSpec.from_json(json.loads(sys.argv[3]))
train(bqx.Dataset.open(sys.argv[1]), sys.argv[2], spec, threads=1)
"""


@pytest.mark.slow
def test_a_killed_run_resumes_to_the_same_bits(tmp_path: Path) -> None:
    dataset = made_dataset(tmp_path / "made", pairs=PAIRS)
    whole = train(dataset, tmp_path / "whole", SPEC, threads=1)
    place = tmp_path / "killed"
    command = [sys.executable, "-c", CHILD, str(dataset.folder), str(place)]
    for moment in (4, 23, 37):
        arguments = [*command, json.dumps(SPEC.to_json()), str(moment)]
        ended = subprocess.run(arguments, capture_output=True, env=os.environ, check=False)
        assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
        assert not Run.open(place, unfinished=True).record.finished
    run = train(dataset, place, SPEC, threads=1)
    assert contents(run.folder) == contents(whole.folder)
    run.verify()


def contents(folder: Path) -> dict[str, object]:
    """Hashes of all files but the records with times."""
    found = file_entries(folder)
    return {k: v for k, v in found.items() if not k.endswith(("done.json", "run.json", ".lock"))}
