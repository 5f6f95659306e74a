"""Roles and schemas: one of each per service, made by the administrator."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote, urlsplit, urlunsplit

import asyncpg

from common.errors import Invalid
from common.postgres.failures import CONNECT_ERRORS, translated

TIMEOUT = 10.0  # seconds


async def provision(admin_url: str, services: Mapping[str, str]) -> list[str]:
    """Create the database, a role and a schema for each service; returns what was made.

    Role name and password come from the service's URL, the schema is the service's name with `_`
    for `-`. A role reaches its own schema only. Passwords are set anew each time, so a rotated one
    takes effect.
    """
    done: list[str] = []
    for service, url in services.items():
        target = urlsplit(url)
        if not target.username or not target.password:
            raise Invalid(f"the Postgres URL of {service} names no role or no password")
        try:
            done += await _ensure_database(admin_url, target.path.lstrip("/"))
            done += await _ensure_service(
                _with_database(admin_url, target.path),
                service,
                target.username,
                unquote(target.password),
            )
        except CONNECT_ERRORS as error:
            raise translated(error) from error
    return done


def schema_of(service: str) -> str:
    """The schema of a service."""
    return service.replace("-", "_")


async def _ensure_database(admin_url: str, name: str) -> list[str]:
    connection = await asyncpg.connect(admin_url, timeout=TIMEOUT, command_timeout=TIMEOUT)
    try:
        if await connection.fetchval(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)", name
        ):
            return []
        await connection.execute(f"CREATE DATABASE {_name(name)}")
        return [f"database {name}"]
    finally:
        await connection.close()


async def _ensure_service(url: str, service: str, role: str, password: str) -> list[str]:
    connection = await asyncpg.connect(url, timeout=TIMEOUT, command_timeout=TIMEOUT)
    try:
        async with connection.transaction():
            # two runs side by side would both miss the role and one would fail
            await connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended('reprise.provision', 0))"
            )
            made = await _ensure_role(connection, role, password)
            return made + await _ensure_schema(connection, schema_of(service), role)
    finally:
        await connection.close()


async def _ensure_role(
    connection: "asyncpg.Connection[Any]", role: str, password: str
) -> list[str]:
    exists = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_roles WHERE rolname = $1)", role
    )
    verb = "ALTER" if exists else "CREATE"
    secret = await connection.fetchval("SELECT quote_literal($1::text)", password)
    await connection.execute(f"{verb} ROLE {_name(role)} LOGIN PASSWORD {secret}")
    return [] if exists else [f"role {role}"]


async def _ensure_schema(
    connection: "asyncpg.Connection[Any]", schema: str, role: str
) -> list[str]:
    exists = await connection.fetchval("SELECT to_regnamespace($1) IS NOT NULL", _name(schema))
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
    if exists:
        return []
    # the schema's owner must be a role the administrator belongs to, where that is no superuser
    await connection.execute(f"GRANT {_name(role)} TO CURRENT_USER")
    await connection.execute(f"CREATE SCHEMA {_name(schema)} AUTHORIZATION {_name(role)}")
    await connection.execute(f"ALTER ROLE {_name(role)} SET search_path = {_name(schema)}")
    return [f"schema {schema}"]


def _with_database(url: str, path: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=path))


def _name(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'
