"""Runs the janitor's migrations in the janitor's schema."""

from alembic import context

from common.postgres.migrate import run_env

run_env(context, schema="janitor")
