from uuid import uuid5

from common.ids import new_asset_id, run_id
from common.jobs.job import Job
from transcoder.workers.jobs import claim_of


def test_a_row_becomes_a_claim_that_carries_its_own_fence() -> None:
    asset_id = new_asset_id()
    run = run_id(asset_id, 1)
    job = Job(
        id=uuid5(asset_id, "job"),
        kind="step",
        subject=asset_id,
        payload={"run": str(run), "rendition": "poster"},
        attempt=1,
        failures=0,
        max_attempts=5,
        lease_token=uuid5(asset_id, "lease"),
        traceparent=None,
    )
    claim = claim_of(job)
    assert (claim.asset_id, claim.run, claim.rendition) == (asset_id, run, "poster")
    assert claim.lease is job
