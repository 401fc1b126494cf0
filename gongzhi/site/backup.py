"""Backup and restore: one tar of the database (pg_dump) and the files, each part by its SHA-256, verified when made.

The keys are not in it: a stolen backup shows no personal field. Their fingerprint is, so that restoring with the wrong
keys is refused. A restored database starts a new era of the log, because transaction numbers do not survive the way.
"""

import contextlib
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from gongzhi.base import postgres

FORMAT = 1
NEW_ERA = """
UPDATE log_cluster SET era = era + 1, noted_at = %(at)s,
  system_identifier = (SELECT system_identifier FROM pg_control_system()) RETURNING era
"""


class Unusable(Exception):
    """A backup that cannot be restored here; the message says why."""


def fingerprint(key: str) -> str:
    """Name a key without telling it."""
    return hashlib.sha256(b"gongzhi data key\0" + key.encode()).hexdigest()[:16]


def write(target: Path, *, database: str, files: Path, key: str, at: datetime) -> dict[str, Any]:
    """Back up into `target` and return the manifest.

    The database first: files never change, so none will be missing but those that are swept meanwhile, which nothing in
    that database points to.
    """
    part = target.with_name(target.name + ".part")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder, tarfile.open(part, "w") as tar:
        dump = Path(folder) / "database.dump"
        _run("pg_dump", "--format=custom", "--compress=3", "--file", str(dump), "--dbname", database)
        parts = {"database.dump": _add(tar, dump, "database.dump")}
        for path in stored_files(files):
            with contextlib.suppress(FileNotFoundError):
                parts[f"files/{path.name}"] = _add(tar, path, f"files/{path.name}")
        manifest = {"format": FORMAT, "at": at.isoformat(), "key": fingerprint(key), "parts": parts}
        text = json.dumps(manifest, indent=1).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
    read(part)
    part.replace(target)
    return manifest


def stored_files(folder: Path) -> Iterator[Path]:
    """List the files of the store; half-written ones have a dot in their name."""
    return (p for p in sorted(folder.glob("??/*")) if p.is_file() and "." not in p.name)


def _add(tar: tarfile.TarFile, path: Path, name: str) -> str:
    tar.add(path, name)
    with open(path, "rb") as source:
        return hashlib.file_digest(source, "sha256").hexdigest()


def read(source: Path) -> dict[str, Any]:
    """Check every part of a backup against its manifest and return it; raise Unusable for a damaged one."""
    seen: dict[str, str] = {}
    manifest: dict[str, Any] | None = None
    try:
        with tarfile.open(source) as tar:
            for member in tar:
                body = tar.extractfile(member)
                if body is None:
                    continue
                if member.name == "manifest.json":
                    manifest = json.loads(body.read())
                else:
                    seen[member.name] = hashlib.file_digest(body, "sha256").hexdigest()  # type: ignore[arg-type]
    except (tarfile.TarError, OSError, json.JSONDecodeError) as fault:
        raise Unusable(f"{source} is not a readable backup: {fault}") from fault
    if manifest is None or manifest.get("format") != FORMAT:
        raise Unusable(f"{source} is not a backup of this version, or it ends too early.")
    wrong = [name for name, digest in manifest["parts"].items() if seen.get(name) != digest]
    if wrong:
        raise Unusable(f"{len(wrong)} of {len(manifest['parts'])} parts are damaged, the first: {wrong[0]}")
    return manifest


def restore(source: Path, *, database: str, files: Path, key: str, at: datetime) -> int:
    """Restore a verified backup over an empty database; return the new era. Files that exist are kept."""
    manifest = read(source)
    if manifest["key"] != fingerprint(key):
        raise Unusable("The backup was made with another data key: put the keys folder of its home into this one first.")
    _refuse_full(database)
    with tempfile.TemporaryDirectory(dir=files.parent) as folder, tarfile.open(source) as tar:
        tar.extract("database.dump", folder, filter="data")
        _run("pg_restore", "--no-owner", "--no-privileges", "--exit-on-error", "--jobs=2", "--dbname", database,
             str(Path(folder) / "database.dump"))
        for name in manifest["parts"]:
            if name.startswith("files/"):
                _place(tar, name, files)
    return new_era(database, at=at)


def _place(tar: tarfile.TarFile, name: str, files: Path) -> None:
    digest = name.removeprefix("files/")
    target = files / digest[:2] / digest
    body = tar.extractfile(name)
    if not target.exists() and body is not None:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(body.read())


def _refuse_full(database: str) -> None:
    with psycopg.connect(database) as db:
        row = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise Unusable("The database is not empty. Restore into a new home, or use --replace to lose what is here.")


def empty(database: str) -> None:
    """Drop everything in a database, to make room for a backup."""
    with psycopg.connect(database) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")


def new_era(database: str, *, at: datetime) -> int:
    """Start a new era of the log in a copied database, so that projections do not lose what is written next."""
    with psycopg.connect(database) as db:
        row = db.execute(NEW_ERA, {"at": at}).fetchone()
        if row is None:
            raise Unusable("This database was never started by gongzhi.")
        db.execute(sql.SQL("ALTER TABLE log_event ALTER COLUMN era SET DEFAULT {}").format(sql.Literal(row[0])))
    return int(row[0])


def _run(program: str, *arguments: str) -> None:
    done = subprocess.run([postgres.program(program), *arguments], capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"{program}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
