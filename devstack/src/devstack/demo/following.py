"""Follows an upload until its asset can be played, and measures how long that took."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from devstack.demo.api import DemoApi, Document, wait_for
from devstack.errors import DevstackError

_LIMIT = 300.0
_STORED = {"stored", "duplicate"}
_LOST = {"rejected", "aborted", "expired", "withdrawn"}
# What can be played or looked at, by the beginnings of the ladder's names.
_PLAYABLE = {"audio": ("mp3", "aac"), "image": ("image",), "video": ("video", "mp4")}


@dataclass(frozen=True, slots=True)
class Outcome:
    """An asset that is ready, and whether the library knew its bytes before."""

    asset: Document
    duplicate: bool

    def seconds_to_play(self) -> float | None:
        """From stored to the first tier somebody can play or look at."""
        names = _PLAYABLE[self.asset["kind"]]
        ready = [
            _time(one["ready_at"])
            for one in self.asset["renditions"]
            if one.get("ready_at") and one["name"].startswith(names)
        ]
        stored = self.asset.get("stored_at")
        return (min(ready) - _time(stored)).total_seconds() if ready and stored else None


def follow(api: DemoApi, upload_id: str, say: Callable[[str], None]) -> Outcome:
    """Raises with the reason when the upload or the processing ends badly."""
    upload = wait_for(lambda: _settled(api, upload_id, say), _LIMIT)
    if upload is None:
        raise DevstackError(f"upload {upload_id} was not stored within {_LIMIT:.0f} s")
    asset_id = upload.get("duplicate_of") or upload["asset_id"]
    asset = wait_for(lambda: _ready(api, asset_id, say), _LIMIT)
    if asset is None:
        raise DevstackError(f"asset {asset_id} was not ready within {_LIMIT:.0f} s")
    # A losing upload may still say `stored` for a moment; its own asset id is an alias already.
    return Outcome(asset, asset["asset_id"] != upload["asset_id"])


def _settled(api: DemoApi, upload_id: str, say: Callable[[str], None]) -> Document | None:
    upload = api.upload(upload_id)
    state = upload["state"]
    say(f"upload {state}")
    if state in _LOST:
        raise DevstackError(f"upload {upload_id} ended {state}: {upload.get('reason')}")
    return upload if state in _STORED else None


def _ready(api: DemoApi, asset_id: str, say: Callable[[str], None]) -> Document | None:
    asset = api.asset(asset_id)
    if asset is None:
        say("asset on its way to the catalog")
        return None
    made = sum(one["state"] == "ready" for one in asset["renditions"])
    say(f"asset {asset['state']}, {made} of {len(asset['renditions'])} renditions")
    if asset["state"] == "failed":
        raise DevstackError(f"asset {asset_id} failed: {asset.get('reason')}")
    if asset["state"] not in {"uploading", "stored", "processing", "ready"}:
        raise DevstackError(f"asset {asset_id} is {asset['state']}")
    pending = any(one["state"] == "planned" for one in asset["renditions"])
    return asset if asset["state"] == "ready" and not pending else None


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text)
