"""The store itself is asked: is there anything that no row knows, or a row whose bytes are gone."""

from gateway_support.places import Places

_RUNNING = {"created", "receiving"}


async def strays(places: Places) -> list[str]:
    """Everything that should not be, or should be and is not; empty once all has come to rest."""
    rows = await places.rows("SELECT id, key, state, size, multipart_id FROM upload")
    segments = {row["key"]: row["size"] for row in await places.rows("SELECT * FROM segment")}
    by_key = {row["key"]: row for row in rows}
    objects = await places.objects()
    staged = {key: size for key, size in objects.items() if key.startswith("staging/")}
    kept = {row["key"]: row["size"] for row in rows if row["state"] == "stored"}
    return [
        *(f"object {key}" for key in objects if key not in by_key and key not in staged),
        *(f"object {key} of an upload that ended" for key in objects if _ended(by_key.get(key))),
        *(f"segment {key} without a row" for key in staged.items() - segments.items()),
        *(f"segment row {key} without bytes" for key in segments.items() - staged.items()),
        *(f"stored {key} without its bytes" for key in kept.items() - objects.items()),
        *(
            f"multipart of {key}"
            for key in await places.multiparts()
            if key not in by_key or by_key[key]["state"] not in _RUNNING
        ),
    ]


def _ended(row: dict[str, object] | None) -> bool:
    return row is not None and row["state"] in {"aborted", "expired"}
