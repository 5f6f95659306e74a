"""`python -m devstack …`."""

from devstack.cli import run

if __name__ == "__main__":
    run()
