"""All stages, in the order of the programme."""

from __future__ import annotations

import re
from difflib import get_close_matches
from functools import cache
from typing import Any

from bqx.errors import UnknownNameError
from bqx.stages.stage import Kind, Stage

PREFIX = "BQX-"
AnyStage = Stage[Any]


@cache
def stages(kind: Kind = "postgresql") -> tuple[AnyStage, ...]:
    """The stages for one kind of store, in the order in which they are applied."""
    return _postgres() if kind == "postgresql" else _embedded()


def _postgres() -> tuple[AnyStage, ...]:
    from bqx.stages.building_server import server_stages
    from bqx.stages.constant_term import ConstantTerm
    from bqx.stages.covariances import Covariances
    from bqx.stages.rebuild import RebuildBqx, RebuildRate
    from bqx.stages.rename import Rename
    from bqx.stages.semantic_views import SemanticViews
    from bqx.stages.validation import Validation

    return (
        Rename(),
        *server_stages(),
        ConstantTerm(),
        RebuildBqx(),
        RebuildRate(),
        SemanticViews(),
        Covariances(),
        Validation(),
    )


def _embedded() -> tuple[AnyStage, ...]:
    from bqx.stages.building import folder_stages
    from bqx.stages.embedded_columns import FolderConstantTerm
    from bqx.stages.embedded_rebuild import (
        FolderCovariances,
        FolderRebuildBqx,
        FolderRebuildRate,
    )
    from bqx.stages.embedded_rename import FolderRename
    from bqx.stages.embedded_validation import FolderValidation

    return (
        FolderRename(),
        *folder_stages(),
        FolderConstantTerm(),
        FolderRebuildBqx(),
        FolderRebuildRate(),
        FolderCovariances(),
        FolderValidation(),
    )


def stage(code: str, kind: Kind = "postgresql") -> AnyStage:
    """The stage with a code; ``2.12`` means ``BQX-2.12``.

    Raises:
        UnknownNameError: If there is none.
    """
    known = {s.code: s for s in stages(kind)}
    wanted = PREFIX + re.sub(f"^{PREFIX}", "", code.strip(), flags=re.IGNORECASE).lower()
    if wanted in known:
        return known[wanted]
    near = get_close_matches(wanted, known, n=3, cutoff=0.5)
    raise UnknownNameError(
        f"no stage {code!r}",
        expected=f"one of {', '.join(near or known)}",
        hint="`bqx stage list` lists them all",
    )
