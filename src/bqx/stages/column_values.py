"""Columns of a relation as arrays, each sent by the server as one value: rows cost nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from bqx.domains.grid import FloatArray, Int64Array
from bqx.features.table import KEY
from bqx.postgres.connect import Connection, reported
from bqx.postgres.rows import EPOCH_GAP


def column_values(
    connection: Connection, relation: str, columns: Sequence[str] = ()
) -> tuple[Int64Array, Mapping[str, FloatArray]]:
    """Times and numbers of a relation in order of time.

    Args:
        connection: The connection.
        relation: Name of the relation, which can stand in a statement as it is.
        columns: Names of columns of numbers.

    Returns:
        Times in microseconds, and the columns by name, NaN for NULL.
    """
    sent = [f"timestamptz_send({KEY})"]
    sent += [f"float8send(coalesce({name}::float8, 'NaN'))" for name in columns]
    joined = ", ".join(f"string_agg({value}, ''::bytea)" for value in sent)
    with reported(f"reading {relation}"):
        query = f"SELECT {joined} FROM {relation}".encode()
        values = connection.execute(query, binary=True).fetchone() or ()
    micros = np.frombuffer(values[0] or b"", ">i8").astype(np.int64) + EPOCH_GAP
    found = [np.frombuffer(value or b"", ">f8").astype(np.float64) for value in values[1:]]
    # The server adds up all columns in one order, which need not be that of time.
    if (np.diff(micros) < 0).any():
        order = np.argsort(micros, kind="stable")
        micros, found = micros[order], [column[order] for column in found]
    return micros, dict(zip(columns, found, strict=True))
