"""What goes wrong, said in one sentence with the command that mends it."""

from rich.console import Console

from common.errors import RepriseError
from common.settings.reading import BadSettings
from common.telemetry.scrub import scrub

_MENDING = {
    "database_unavailable": "Is Postgres up (`make up`)? See REPRISE_POSTGRES_ADMIN_URL, "
    "or REPRISE_POSTGRES_URL_… of the service.",
    "kafka_unavailable": "Is Kafka up (`make up`)? See REPRISE_KAFKA_BOOTSTRAP.",
    "storage_unavailable": "Is the store up (`make up`)? See MEDIA_S3_ENDPOINT.",
    "storage_denied": "Set MEDIA_S3_ACCESS_KEY_ID and MEDIA_S3_SECRET_ACCESS_KEY to its keys.",
    "storage_unexpected": "MEDIA_S3_ENDPOINT leads to a web server that is no store.",
    "bucket_missing": "Make it with `reprise setup`.",
    "partition_count": "Nothing was changed; `reprise topics diff` shows them all.",
    "no_shared_secret": "Ask the issuer for a token, or set REPRISE_JWT_SECRET.",
    "topic_missing": "Make it with `reprise topics apply`.",
    "no_dead_letter": "`reprise dlq list --all` shows the ids there are.",
    "ambiguous_id": "Name it by more of its digits: `reprise dlq list --all --json`.",
    "not_an_event": "Discard it, or mend it: `reprise dlq redrive ID --edit FILE`.",
    "bad_edit": "Begin with `reprise dlq show ID --json > FILE` and change `value` in it.",
    "not_parked": "`reprise parked list` shows the keys and ids there are.",
    "not_lost": "`--force` sends them a second time; consumers do nothing about the second.",
    "out_of_date": "Write it anew: the same command without `--check`.",
}
_NO_ENVIRONMENT = "For the stack of `make up`: `. .dev/env`."


def tell(error: RepriseError | BadSettings) -> int:
    """Say it on standard error; the status to exit with."""
    if isinstance(error, BadSettings):
        _say(error.sentences, _NO_ENVIRONMENT)
        return 2
    _say([str(error)], _MENDING.get(error.code, ""))
    return 1


def _say(sentences: list[str], mending: str) -> None:
    console = Console(stderr=True, highlight=False, soft_wrap=True)
    for sentence in sentences:
        console.print("error:", scrub(sentence), markup=False)
    if mending:
        console.print(mending, markup=False)
