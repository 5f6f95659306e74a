"""Alembic's way in: the gateway's own schema."""

from alembic import context

from common.postgres.migrate import run_env

run_env(context, schema="upload_gateway")
