"""Backup and restore: one tar of the database (pg_dump) and the files, each part by its SHA-256, verified when made.

The keys are not in it: a stolen backup shows no personal field. Their fingerprint is, so that restoring with the wrong
keys is refused. A restored database starts a new era of the log, because transaction numbers do not survive the way.
"""

import contextlib
import hashlib
import io
import json
import os
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import psycopg
from psycopg import conninfo, sql

from gongzhi.base import postgres

FORMAT = 1
DUMP = "database.dump"
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
    if not _started(database):
        raise Unusable("This database was never started by gongzhi: there is nothing to back up.")
    part = target.with_name(target.name + ".part")
    try:
        manifest = _write(part, database, files, {"format": FORMAT, "at": at.isoformat(), "key": fingerprint(key)})
        read(part)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return manifest


def _write(part: Path, database: str, files: Path, about: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir=part.parent) as folder, tarfile.open(part, "w") as tar:
        dump = Path(folder) / DUMP
        _run("pg_dump", database, "--format=custom", "--compress=3", "--file", str(dump))
        parts = {DUMP: _add(tar, dump, DUMP)}
        for path in stored_files(files):
            with contextlib.suppress(FileNotFoundError):
                parts[f"files/{path.name}"] = _add(tar, path, f"files/{path.name}")
        manifest = {**about, "parts": parts}
        text = json.dumps(manifest, indent=1).encode()
        info = tarfile.TarInfo("manifest.json")
        info.size = len(text)
        tar.addfile(info, io.BytesIO(text))
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
    if not isinstance(manifest, dict) or manifest.get("format") != FORMAT or DUMP not in manifest.get("parts", {}):
        raise Unusable(f"{source} is not a backup of this version, or it ends too early.")
    wrong = [name for name, digest in manifest["parts"].items() if seen.get(name) != digest]
    if wrong:
        raise Unusable(f"{len(wrong)} of {len(manifest['parts'])} parts are damaged, the first: {wrong[0]}")
    return manifest


def restore(source: Path, *, database: str, files: Path, key: str, at: datetime, replace: bool = False) -> int:
    """Restore a backup over an empty database, or `replace` what is there; return the new era. Files that exist stay.

    All that can be wrong with the backup is found before anything is lost.
    """
    manifest = read(source)
    if manifest.get("key") != fingerprint(key):
        raise Unusable("The backup was made with another data key: put the keys folder of its home into this one first.")
    if not replace:
        _refuse_full(database)
    with tempfile.TemporaryDirectory(dir=files.parent) as folder, tarfile.open(source) as tar:
        tar.extract(DUMP, folder, filter="data")
        dump = str(Path(folder) / DUMP)
        _run("pg_restore", "", "--list", dump)  # a dump of a newer PostgreSQL is refused here
        if replace:
            empty(database)
        _run("pg_restore", database, "--no-owner", "--no-privileges", "--exit-on-error", "--jobs=2", dump)
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


def _started(database: str) -> bool:
    """Tell whether gongzhi has ever been brought up in a database."""
    with _connected(database) as db:
        row = db.execute("SELECT to_regclass('public.log_cluster') IS NOT NULL").fetchone()
    return bool(row and row[0])


def _connected(database: str) -> psycopg.Connection[Any]:
    try:
        return psycopg.connect(database)
    except psycopg.OperationalError as fault:
        raise Unusable(f"The database does not answer: {str(fault).strip().splitlines()[-1]}") from fault


def _refuse_full(database: str) -> None:
    with _connected(database) as db:
        row = db.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone()
    if row and row[0]:
        raise Unusable("The database is not empty. Restore into a new home, or use --replace to lose what is here.")


def empty(database: str) -> None:
    """Drop everything in a database, to make room for a backup."""
    with _connected(database) as db:
        db.execute("DROP SCHEMA public CASCADE")
        db.execute("CREATE SCHEMA public")


def new_era(database: str, *, at: datetime) -> int:
    """Start a new era of the log in a copied database, so that projections do not lose what is written next."""
    if not _started(database):
        raise Unusable("This database was never started by gongzhi.")
    with _connected(database) as db:
        row = db.execute(NEW_ERA, {"at": at}).fetchone()
        if row is None:
            raise Unusable("This database was never started by gongzhi.")
        db.execute(sql.SQL("ALTER TABLE log_event ALTER COLUMN era SET DEFAULT {}").format(sql.Literal(row[0])))
    return int(row[0])


def _run(program: str, database: str, *arguments: str) -> None:
    """Run a program of PostgreSQL on a database; the password goes by its environment, for all may read a command line."""
    parts = conninfo.conninfo_to_dict(database)
    secret = {"PGPASSWORD": str(parts.pop("password"))} if parts.get("password") else {}
    where = ["--dbname", conninfo.make_conninfo("", **parts)] if database else []
    command = [str(postgres.program(program)), *where, *arguments]
    done = subprocess.run(command, env={**os.environ, **secret}, capture_output=True, text=True)
    if done.returncode:
        raise Unusable(f"{program}: {done.stderr.strip().splitlines()[-1] if done.stderr.strip() else 'failed'}")
