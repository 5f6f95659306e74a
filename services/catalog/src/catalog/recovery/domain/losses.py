"""What recovery cannot bring back, by design: printed by the commands, listed in ADR 12."""

LOSSES = {
    "unrelayed rows": "what was committed and never reached Kafka; facts read are decided again",
    "outbox rows of state": "their payloads were dropped once published; refilled rows of facts"
    " have new positions",
    "history of the purged": "of assets purged or abandoned: version, plan, renditions that were"
    " never made, and how many state records there were",
    "forgotten names": "the numbers of names taken back longer ago than tombstones live",
    "operators' tables": "parked records and fuses (what was parked is read again), decisions"
    " about dead letters, audit rows",
}
