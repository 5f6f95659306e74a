"""Alembic's door: the schema is the service's own."""

from alembic import context

from common.postgres.migrate import run_env

run_env(context, schema="transcoder")
