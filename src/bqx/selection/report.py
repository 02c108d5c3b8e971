"""What a selection found, as text for a terminal and as plain values."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from typing import Any

from bqx.selection.mask import Mask
from bqx.selection.origin import table_of
from bqx.selection.quotas import FILTERS


def summary(mask: Mask) -> dict[str, Any]:
    """The facts of a mask without its features."""
    sample = mask.sample
    origin = mask.origin
    return {
        "pair": origin.pair if origin else None,
        "targets": list(origin.targets) if origin else [],
        "synthetic": origin.synthetic if origin else None,
        "selected": len(mask.chosen),
        "counts": mask.counts,
        "candidates": dict(mask.candidates),
        "removed": {FILTERS[name]: count for name, count in mask.removed.items()},
        "rankings": list(mask.chosen[0].places) if mask.chosen else [],
        "stability": None if mask.stability is None else asdict(mask.stability),
        "sample": dict(sample),
        "identity": mask.identity,
    }


def to_text(mask: Mask, best: int = 10) -> str:
    """The facts of a mask, and its best features.

    Args:
        mask: The mask.
        best: Number of features that are shown.
    """
    found = summary(mask)
    lines = [f"{key:<11}{text}" for key, text in _facts(mask, found)]
    lines.append("")
    lines += [
        f"{place:>4}  {c.score:.3f}  {c.domain or 'neither':<8}{c.name}"
        for place, c in enumerate(mask.ranked[:best], 1)
    ]
    return "\n".join(lines)


def _rows(sample: dict[str, Any]) -> str:
    return (
        f"{sample['samples']:,} looked at of {sample['given']:,} with a label: stride "
        f"{sample['stride']}, {sample['blocks']:,} of {sample['blocks_given']:,} blocks of "
        f"{sample['block']:,} rows"
    )


def _facts(mask: Mask, found: dict[str, Any]) -> list[tuple[str, str]]:
    sample, tables = found["sample"], Counter(table_of(name) for name in mask.features)
    counts = ", ".join(f"{n:,} {domain}" for domain, n in found["counts"].items())
    given = ", ".join(f"{n:,} {domain}" for domain, n in found["candidates"].items())
    removed = ", ".join(f"{n:,} {text}" for text, n in found["removed"].items()) or "none"
    facts = [
        ("selected", f"{found['selected']:,}: {counts}"),
        ("candidates", f" {given}"),
        ("removed", removed),
        ("tables", ", ".join(f"{t} {n}" for t, n in tables.most_common(6))),
        ("rankings", ", ".join(found["rankings"])),
        ("rows", _rows(sample)),
    ]
    if mask.stability is not None:
        s = mask.stability
        facts.append(
            (
                "stability",
                f"{s.index:.3f} [{s.low:.3f}, {s.high:.3f}] in {s.resamples} resamples of blocks",
            )
        )
    if found["synthetic"]:
        facts.append(("synthetic", "yes: no result of it is real"))
    head = [("pair", str(found["pair"])), ("targets", ", ".join(found["targets"]))]
    return (head if found["pair"] else []) + facts
