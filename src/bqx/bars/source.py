"""Opening vendor files without trusting them: sizes, archives, member names."""

from __future__ import annotations

import hashlib
import io
import lzma
import zipfile
import zlib
from dataclasses import dataclass
from gzip import BadGzipFile, GzipFile
from pathlib import Path, PurePosixPath
from typing import IO

from bqx.errors import InputFileError

MAX_BYTES = 2 * 1024**3
"""Largest size of a file, packed or unpacked."""
MAX_RATIO = 200
"""Largest ratio of unpacked to packed size; real bars reach about 12."""
RATIO_FROM = 1024**2
"""Unpacked size from which the ratio counts: a tiny flat file may pack well."""
_CHUNK = 1024**2
_LZMA_MEMORY = 256 * 1024**2
_DATA_SUFFIXES = {".csv", ".txt", ".tsv", ".prn"}
_IGNORED = ("__MACOSX/", ".DS_Store")


def label_of(path: Path | str, member: str | None) -> str:
    """How messages call a file, a member of it, or a table of a server."""
    return f"{path}!{member}" if member else str(path)


@dataclass(frozen=True)
class Member:
    """One stream of data: the file itself, or a member of an archive.

    Attributes:
        path: The file.
        name: Name of the member, or None.
        data: The unpacked bytes.
        companion: Text that the vendor ships beside the member: HistData's gap report.
    """

    path: Path
    name: str | None
    data: bytes
    companion: bytes | None = None

    @property
    def label(self) -> str:
        """How messages call it."""
        return label_of(self.path, self.name)

    @property
    def stem(self) -> str:
        """The innermost name without its folder."""
        return PurePosixPath(self.name).name if self.name else self.path.name

    def error(self, found: str, *, expected: str = "", hint: str = "") -> InputFileError:
        """An error that names the member."""
        return InputFileError(f"{self.label}: {found}", expected=expected, hint=hint)


@dataclass(frozen=True)
class Source:
    """A vendor file and its data members, or a table of a server.

    Attributes:
        path: The file, or the address of the server without its password.
        sha256: Hash of its bytes, or of the table's content.
        size: Its size in bytes.
        members: The data in it, at least one.
        notes: Members that are not data.
    """

    path: Path | str
    sha256: str
    size: int
    members: tuple[Member, ...]
    notes: tuple[str, ...] = ()


def open_source(path: Path) -> Source:
    """Read a file, and unpack it if it is a zip, gzip or LZMA (``.bi5``) file.

    Raises:
        InputFileError: If it is absent, no file, empty, damaged, encrypted, holds no data, is
            larger than `MAX_BYTES`, unpacks more than `MAX_RATIO` times, or names a member outside
            its own folder.
    """
    raw = _read(path)
    digest = hashlib.sha256(raw).hexdigest()
    notes: tuple[str, ...] = ()
    if raw.startswith(b"PK"):
        members, notes = _unzip(path, raw)
    elif raw.startswith(b"\x1f\x8b"):
        members = (Member(path, None, _gunzip(path, raw)),)
    elif path.suffix.lower() == ".bi5":
        members = (Member(path, None, _unlzma(path, raw)),)
    else:
        members = (Member(path, None, raw),)
    return Source(path, digest, len(raw), members, notes)


def _read(path: Path) -> bytes:
    if not path.exists():
        raise InputFileError(f"{path}: no such file", hint="check the path")
    if not path.is_file():
        raise InputFileError(f"{path}: not a file", expected="one vendor file")
    size = path.stat().st_size
    _check_size(path, size, size)
    # An hour without ticks is an empty .bi5 file; everything else must hold something.
    if size == 0 and path.suffix.lower() != ".bi5":
        raise InputFileError(f"{path}: the file is empty", hint="download it again")
    return path.read_bytes()


def _check_size(path: Path, unpacked: int, packed: int) -> None:
    if unpacked > MAX_BYTES:
        raise InputFileError(
            f"{path}: holds {unpacked:,} bytes",
            expected=f"at most {MAX_BYTES:,} bytes",
            hint="split the file by year",
        )
    if unpacked >= RATIO_FROM and unpacked > MAX_RATIO * max(packed, 1):
        raise InputFileError(
            f"{path}: unpacks to {unpacked:,} bytes, more than {MAX_RATIO} times its size",
            expected=f"a ratio of at most {MAX_RATIO}",
            hint="this is no archive of bars",
        )


def _drain(path: Path, stream: IO[bytes] | io.BufferedReader, packed: int) -> bytes:
    """Read a decompressing stream, and stop as soon as it exceeds the limits."""
    out = io.BytesIO()
    while chunk := stream.read(_CHUNK):
        out.write(chunk)
        _check_size(path, out.tell(), packed)
    return out.getvalue()


def _gunzip(path: Path, raw: bytes) -> bytes:
    try:
        data = _drain(path, io.BufferedReader(GzipFile(fileobj=io.BytesIO(raw))), len(raw))
    except (BadGzipFile, EOFError, zlib.error) as error:
        raise _damaged(path, "gzip", error) from error
    if not data:
        raise InputFileError(f"{path}: the file is empty", hint="download it again")
    return data


def _unlzma(path: Path, raw: bytes) -> bytes:
    if not raw:
        return raw
    # The header of an LZMA stream may ask for a dictionary of gigabytes.
    unpacker = lzma.LZMADecompressor(memlimit=_LZMA_MEMORY)
    out = bytearray()
    try:
        out += unpacker.decompress(raw, _CHUNK)
        while not (unpacker.eof or unpacker.needs_input):
            _check_size(path, len(out), len(raw))
            out += unpacker.decompress(b"", _CHUNK)
    except lzma.LZMAError as error:
        raise _damaged(path, "LZMA", error) from error
    if not unpacker.eof:
        raise _damaged(path, "LZMA", EOFError("the stream ends early"))
    return bytes(out)


def _damaged(path: Path, kind: str, error: Exception) -> InputFileError:
    return InputFileError(
        f"{path}: damaged {kind} file ({error})",
        expected=f"a complete {kind} file",
        hint="download it again",
    )


def _unzip(path: Path, raw: bytes) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            return _members(path, archive, len(raw))
    except (zipfile.BadZipFile, EOFError, zlib.error, NotImplementedError) as error:
        raise _damaged(path, "zip", error) from error


def _members(
    path: Path, archive: zipfile.ZipFile, packed: int
) -> tuple[tuple[Member, ...], tuple[str, ...]]:
    infos = [i for i in archive.infolist() if not i.is_dir()]
    _check_infos(path, infos, packed)
    infos = [i for i in infos if not any(mark in i.filename for mark in _IGNORED)]
    reports = {i.filename: i for i in infos if _is_report(i, infos)}
    data = [i for i in infos if _is_data(i) and i.filename not in reports]
    others = [i.filename for i in infos if not _is_data(i)]
    if not data:
        raise InputFileError(
            f"{path}: no data member among {[i.filename for i in infos]}",
            expected="a member that ends in " + ", ".join(sorted(_DATA_SUFFIXES)),
        )
    members = tuple(_member(path, archive, info, reports) for info in data)
    return members, tuple(f"member {name} is no data and was not read" for name in others)


def _member(
    path: Path,
    archive: zipfile.ZipFile,
    info: zipfile.ZipInfo,
    reports: dict[str, zipfile.ZipInfo],
) -> Member:
    report = reports.get(str(PurePosixPath(info.filename).with_suffix(".txt")))
    companion = None if report is None else _extract(path, archive, report)
    return Member(path, info.filename, _extract(path, archive, info), companion)


def _extract(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        return _drain(path, stream, info.compress_size)


def _is_data(info: zipfile.ZipInfo) -> bool:
    return PurePosixPath(info.filename).suffix.lower() in _DATA_SUFFIXES


def _is_report(info: zipfile.ZipInfo, infos: list[zipfile.ZipInfo]) -> bool:
    """Whether a member is the text that belongs to a CSV of the same name."""
    name = PurePosixPath(info.filename)
    names = {i.filename for i in infos}
    return name.suffix.lower() == ".txt" and str(name.with_suffix(".csv")) in names


def _check_infos(path: Path, infos: list[zipfile.ZipInfo], packed: int) -> None:
    _check_size(path, sum(i.file_size for i in infos), packed)
    names = [i.filename for i in infos]
    if len(set(names)) < len(names):
        raise InputFileError(f"{path}: member names repeat", expected="each name once")
    for info in infos:
        _check_size(path, info.file_size, info.compress_size)
        parts = PurePosixPath(info.filename.replace("\\", "/")).parts
        if ".." in parts or parts[:1] == ("/",) or ":" in info.filename:
            raise InputFileError(
                f"{path}: member {info.filename!r} points outside the archive",
                expected="a plain relative name",
                hint="do not use archives from this source",
            )
        if info.flag_bits & 0x1:
            raise InputFileError(
                f"{path}: member {info.filename} is encrypted",
                hint="unpack the archive first and ingest the file in it",
            )
