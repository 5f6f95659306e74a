from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from common.errors import Invalid
from common.ids import new_event_id
from common.postgres.provision import provision, schema_of

pytestmark = pytest.mark.integration


def service_url(admin_url: str, role: str, password: str = "first-password") -> str:
    at = urlsplit(admin_url)
    netloc = f"{role}:{password}@{at.hostname}:{at.port}"
    return urlunsplit(("postgresql", netloc, at.path, "", ""))


async def test_provisioning_twice_makes_everything_once(admin_url: str) -> None:
    service = f"svc-{new_event_id().hex}"
    role = schema_of(service)
    url = service_url(admin_url, role)

    first = await provision(admin_url, {service: url})
    second = await provision(admin_url, {service: url})

    assert first == [f"role {role}", f"schema {role}"]
    assert second == []


async def test_a_role_owns_its_schema_and_sees_no_other(admin_url: str) -> None:
    mine, other = f"svc-{new_event_id().hex}", f"svc-{new_event_id().hex}"
    urls = {name: service_url(admin_url, schema_of(name)) for name in (mine, other)}
    await provision(admin_url, urls)

    connection = await asyncpg.connect(urls[mine])
    await connection.execute("CREATE TABLE t (n integer)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute(f"CREATE TABLE {schema_of(other)}.t (n integer)")
    with pytest.raises(asyncpg.InsufficientPrivilegeError):
        await connection.execute("CREATE TABLE public.t (n integer)")
    await connection.close()


async def test_a_url_without_a_role_is_refused(admin_url: str) -> None:
    with pytest.raises(Invalid, match="names no role"):
        await provision(admin_url, {"x": "postgresql://127.0.0.1/reprise"})
