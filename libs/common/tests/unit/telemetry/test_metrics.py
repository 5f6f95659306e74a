from common.telemetry.metrics import LONG, Metrics


def test_names_carry_the_service_and_the_unit() -> None:
    metrics = Metrics("upload-gateway")
    metrics.counter("uploads", "Uploads.", ["kind"]).labels("audio").inc()
    metrics.histogram("job_seconds", "Jobs.", buckets=LONG).observe(5)
    metrics.gauge("open_uploads", "Open.").set(2)
    metrics.shared_gauge("outbox_pending_rows", "Rows.").set(7)
    text = metrics.exposition().decode()
    assert 'media_upload_gateway_uploads_total{kind="audio"} 1.0' in text
    assert 'media_upload_gateway_job_seconds_bucket{le="5.0"} 1.0' in text
    assert "media_upload_gateway_open_uploads 2.0" in text
    assert "media_outbox_pending_rows 7.0" in text


def test_asking_twice_gives_the_same_metric() -> None:
    metrics = Metrics("catalog")
    metrics.counter("things", "Things.").inc()
    metrics.counter("things", "Things.").inc()
    assert "media_catalog_things_total 2.0" in metrics.exposition().decode()


def test_two_processes_in_one_test_do_not_meet() -> None:
    Metrics("catalog").counter("things", "Things.").inc()
    assert "things" not in Metrics("catalog").exposition().decode()
