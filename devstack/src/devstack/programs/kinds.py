"""Which program stands behind which kind of the topology."""

from devstack.programs.kafka import Kafka
from devstack.programs.nginx import Nginx
from devstack.programs.postgres import Postgres
from devstack.programs.program import Program, Site
from devstack.programs.python import PythonProgram
from devstack.programs.s3 import S3Server


def program_of(site: Site) -> Program:
    match site.process.kind:
        case "kafka":
            return Kafka(site)
        case "postgres":
            return Postgres(site)
        case "s3":
            return S3Server(site)
        case "nginx":
            return Nginx(site)
        case "task" | "service":
            return PythonProgram(site)
