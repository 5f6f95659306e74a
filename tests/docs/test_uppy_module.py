"""What the documented module for Uppy makes of answers that a browser test seldom meets."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

MODULE = Path(__file__).resolve().parents[2] / "docs" / "uppy-past-the-gateway.js"
OFFERED = [200, {"part_size": 8, "presigned": {"parts": True, "part_digest_needed": False}}]
BUSY = [503, {"title": "Service Unavailable"}]
# a file of 20 bytes, thus parts of 8, 8 and 4, whose upload has begun
SCRIPT = """
import { pastTheGateway } from './module.mjs'
const { answers, request } = JSON.parse(process.argv[2])
const asked = []
globalThis.fetch = async (url, { method }) => {
  asked.push(`${method} ${new URL(url).pathname}`)
  const answer = answers.shift()
  if (answer === null) throw new TypeError('not reached')
  const [status, body] = answer
  return new Response(JSON.stringify(body), { status, headers: { 'Retry-After': '0.001' } })
}
const data = new Blob(['x'.repeat(20)])
const file = { id: 'file', size: 20, meta: {}, data, s3Multipart: { uploadId: 'up' } }
const uppy = {
  getFiles: () => [file],
  getFile: (id) => ({ ...file, id }),
  setFileState: (_, changed) => Object.assign(file, changed),
}
const past = await pastTheGateway(uppy, { origin: 'http://media.test', token: () => 'token' })
const said = { offered: past !== null }
if (past) {
  said.chunk = past.getChunkSize({ size: 20 })
  try {
    Object.assign(said, await past.signRequest({ key: 'key', uploadId: 'up', ...request }))
  } catch (error) {
    said.error = error.message
  }
}
console.log(JSON.stringify({ ...said, asked, goesOn: file.s3Multipart !== undefined }))
"""


def told(folder: Path, request: dict[str, Any], *answers: object) -> dict[str, Any]:
    """What the module answers to a request of the plugin, given the server's answers."""
    shutil.copyfile(MODULE, folder / "module.mjs")
    (folder / "run.mjs").write_text(SCRIPT)
    said = json.dumps({"answers": answers, "request": request})
    done = subprocess.run(
        [shutil.which("node") or "node", "run.mjs", said],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=30,
        check=True,
    )
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def listed(said: dict[str, Any]) -> list[str]:
    return re.findall(r"<PartNumber>(\d+)</PartNumber>", unquote(said["url"]))


def status(state: str, parts: list[tuple[int, int]] | None) -> list[object]:
    stored = None if parts is None else [{"number": n, "size": size} for n, size in parts]
    return [200, {"state": state, "reason": None, "total": 20, "parts": stored}]


def test_where_parts_are_not_offered_there_is_nothing_to_set_up(tmp_path: Path) -> None:
    closed = [200, {"part_size": 8, "presigned": {"parts": False}}]
    assert not told(tmp_path, {}, closed)["offered"]


def test_a_part_that_is_not_stored_in_full_is_sent_again(tmp_path: Path) -> None:
    said = told(tmp_path, {"method": "GET"}, OFFERED, status("receiving", [(1, 8), (2, 5), (3, 4)]))
    assert said["chunk"] == 8
    assert listed(said) == ["1", "3"]


@pytest.mark.parametrize("state", ["verifying", "stored"])
def test_nothing_is_sent_of_an_upload_that_was_committed(tmp_path: Path, state: str) -> None:
    said = told(tmp_path, {"method": "GET"}, OFFERED, status(state, None))
    assert listed(said) == ["1", "2", "3"]


def test_parts_that_the_store_does_not_tell_are_not_taken_for_missing(tmp_path: Path) -> None:
    said = told(tmp_path, {"method": "GET"}, OFFERED, status("receiving", None))
    assert "does not tell" in said["error"]
    assert said["goesOn"]


def test_a_rejected_upload_is_told_and_not_gone_on_with(tmp_path: Path) -> None:
    rejected = [200, {"state": "rejected", "reason": "checksum_mismatch", "total": 20}]
    said = told(tmp_path, {"method": "POST"}, OFFERED, [200, {"key": "u/1"}], rejected)
    assert said["error"].endswith("checksum_mismatch")
    assert not said["goesOn"]


def test_a_server_that_is_busy_or_not_reached_is_asked_again(tmp_path: Path) -> None:
    said = told(tmp_path, {"method": "DELETE"}, OFFERED, BUSY, None, [200, {}])
    assert said["asked"][1:] == ["DELETE /api/v1/uploads/up"] * 3
    assert "url" in said


def test_it_is_not_asked_for_ever_nor_what_it_refused(tmp_path: Path) -> None:
    said = told(tmp_path, {"method": "DELETE"}, OFFERED, *[BUSY] * 6)
    assert (said["error"], len(said["asked"])) == ("Service Unavailable", 7)
    refused = [409, {"title": "Conflict", "detail": "no parts", "code": "parts_missing"}]
    said = told(tmp_path, {"method": "POST"}, OFFERED, refused)
    assert (said["error"], len(said["asked"]), said["goesOn"]) == ("no parts", 2, True)


@pytest.mark.parametrize("code", ["urls_exhausted", "object_size_mismatch"])
def test_an_upload_that_cannot_be_ended_is_not_gone_on_with(tmp_path: Path, code: str) -> None:
    spent = [409, {"title": "Conflict", "detail": "begin anew", "code": code}]
    said = told(tmp_path, {"method": "POST"}, OFFERED, spent)
    assert (said["error"], said["goesOn"]) == ("begin anew", False)


def test_an_upload_of_a_file_that_was_taken_away_meanwhile_is_ended(tmp_path: Path) -> None:
    begun = [200, {"upload_id": "up", "key": "u/1"}]
    said = told(
        tmp_path, {"method": "POST", "key": "gone", "uploadId": None}, OFFERED, begun, [200, {}]
    )
    assert said["asked"][1:] == ["POST /api/v1/media/sign-upload", "DELETE /api/v1/uploads/up"]
    said = told(tmp_path, {"method": "POST", "key": "file", "uploadId": None}, OFFERED, begun)
    assert said["asked"][1:] == ["POST /api/v1/media/sign-upload"]


def test_an_upload_with_parts_of_another_size_is_not_gone_on_with(tmp_path: Path) -> None:
    part = {"number": 2, "size": 16, "url": "http://store.test", "headers": {}}
    asked = {"method": "PUT", "partNumber": 2}
    assert "another size" in told(tmp_path, asked, OFFERED, [200, {"parts": [part]}])["error"]


def test_headers_that_browsers_say_themselves_are_left_to_them(tmp_path: Path) -> None:
    headers = {"Content-Length": "4", "x-amz-checksum-sha256": "c3Vt"}
    part = {"number": 3, "size": 4, "url": "http://store.test", "headers": headers}
    said = told(tmp_path, {"method": "PUT", "partNumber": 3}, OFFERED, [200, {"parts": [part]}])
    assert (said["url"], list(said["headers"])) == ("http://store.test", ["x-amz-checksum-sha256"])
