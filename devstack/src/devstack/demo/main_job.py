"""The main job on real input: resumable upload to seekable playback, for each file."""

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn

from devstack.demo.api import DemoApi
from devstack.demo.files import DemoFile, chosen_files, made_files
from devstack.demo.following import Outcome, follow
from devstack.demo.ranges import check_ranges
from devstack.demo.report import human_size, show_ranges, show_renditions
from devstack.demo.uploading import Uploaded, upload_interrupted
from devstack.errors import DevstackError


def run_demo(env: Mapping[str, str], paths: Sequence[Path], home: Path, console: Console) -> None:
    """Raises when anything is not as it should be; prints the addresses to open at the end."""
    api = DemoApi(env["REPRISE_URL"], env["REPRISE_ADMIN_TOKEN"])
    files = chosen_files(paths) if paths else made_files(home / "demo", console.print)
    with contextlib.closing(api):
        links = [(file, _one(api, file, console)) for file in files]
    console.rule("open")
    for file, link in links:
        console.print(f"{file.path.name}: {link}", soft_wrap=True)
    console.print(f"origin {api.origin}   logs {env['REPRISE_LOG_DIR']}   stop with `make down`")


def _one(api: DemoApi, file: DemoFile, console: Console) -> str:
    console.rule(f"{file.path.name}  {file.content_type}  {human_size(file.size)}")
    uploaded = _upload(api, file, console)
    console.print(
        f"interrupted at byte {uploaded.cut_at}, resumed where the server stood: "
        f"{uploaded.resumed_at}"
    )
    outcome = _follow(api, uploaded, console)
    show_renditions(console, outcome)
    asset_id = outcome.asset["asset_id"]
    original = api.playback_when_known(asset_id, "original")["url"]
    checks = check_ranges(api, file, original, api.part_size())
    show_ranges(console, checks)
    if not all(one.right for one in checks):
        raise DevstackError(f"{file.path.name}: the origin serves other bytes than were uploaded")
    return str(api.playback_when_known(asset_id, None)["url"])


def _upload(api: DemoApi, file: DemoFile, console: Console) -> Uploaded:
    columns = (TextColumn("uploading"), BarColumn(), DownloadColumn(), TransferSpeedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task("upload", total=file.size)
        return upload_interrupted(api, file, lambda at: progress.update(task, completed=at))


def _follow(api: DemoApi, uploaded: Uploaded, console: Console) -> Outcome:
    with console.status("following") as status:
        return follow(api, uploaded.upload_id, lambda text: status.update(f"following: {text}"))
