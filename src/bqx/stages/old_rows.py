"""What a table holds before it is replaced, read beside the building of what replaces it."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import numpy as np

from bqx.domains.grid import Int64Array
from bqx.errors import PostConditionError
from bqx.stages.legacy_tables import key_micros
from bqx.stages.partition_scan import ROW_HASH, by_partition, hashes
from bqx.stages.target import SCHEMA, PostgresTarget

Writers = Mapping[str, tuple[int, int]]
"""Rows of each partition, and the sum of the numbers of the transactions that wrote them."""
_WRITERS = "sum(xmin::text::bigint)::bigint"


class OldRows:
    """Times, hashes and writers of a table's rows, all as of one moment.

    They are read over a connection of their own, the times first.

    Args:
        target: The database.
        name: The table.
    """

    def __init__(self, target: PostgresTarget, name: str) -> None:
        self._name = name
        self._address = target.address
        self._times: Future[Int64Array] = Future()
        self._pool = ThreadPoolExecutor(1)
        self._rest = self._pool.submit(self._read)

    def __enter__(self) -> Self:
        """The rows themselves."""
        return self

    def __exit__(self, *_: object) -> None:
        """Wait for the end of the reading."""
        self._pool.shutdown()

    @property
    def times(self) -> Int64Array:
        """Times of all rows, ascending, in microseconds."""
        return self._times.result()

    def kept(self, target: PostgresTarget) -> dict[str, list[Any]]:
        """Rows and hash of each partition now, within a transaction that keeps writers out.

        What was read before is true still where nobody wrote since.

        Raises:
            PostConditionError: If a row came whose time was not there.
        """
        found, writers = self._rest.result()
        if _writers(target, self._name) == writers:
            return found
        late = ~np.isin(key_micros(target.connection, f"{SCHEMA}.{self._name}"), self.times)
        if late.any():
            raise PostConditionError(
                f"{np.count_nonzero(late):,} times of {self._name} are not in what was built",
                expected="every old time",
                hint="rows were added meanwhile; apply the stage again",
            )
        return hashes(target, [self._name], SCHEMA)

    def _read(self) -> tuple[dict[str, list[Any]], Writers]:
        try:
            with PostgresTarget(self._address) as own, own.transaction():
                own.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
                self._times.set_result(key_micros(own.connection, f"{SCHEMA}.{self._name}"))
                return _hashes_and_writers(own, self._name)
        except BaseException as error:
            if not self._times.done():
                self._times.set_exception(error)
            raise


def _hashes_and_writers(target: PostgresTarget, name: str) -> tuple[dict[str, list[Any]], Writers]:
    rows = by_partition(target, name, ("count(*)", ROW_HASH, _WRITERS), SCHEMA)
    found = {partition: [int(count), str(digest)] for partition, (count, digest, _) in rows}
    return found, {partition: (int(count), int(total)) for partition, (count, _, total) in rows}


def _writers(target: PostgresTarget, name: str) -> Writers:
    rows = by_partition(target, name, ("count(*)", _WRITERS), SCHEMA)
    return {partition: (int(count), int(total)) for partition, (count, total) in rows}
