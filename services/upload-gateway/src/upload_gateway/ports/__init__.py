"""What the gateway needs: a ledger, a store, a pool of buffers and order among writers."""

from upload_gateway.ports.body import Body, BodyCut, CutReason
from upload_gateway.ports.buffers import BufferLease, Buffers, BufferWanted
from upload_gateway.ports.content import Digests, Sniffer
from upload_gateway.ports.form import Form, FormPart
from upload_gateway.ports.ledger import Ledger
from upload_gateway.ports.pace import Pace
from upload_gateway.ports.store import Capabilities, PartStore, Staging, UrlSigner
from upload_gateway.ports.telling import Feed, Listener, Listeners
from upload_gateway.ports.transaction import Ticket, Transaction
from upload_gateway.ports.writers import Presence, Writer, Writers

__all__ = [
    "Body",
    "BodyCut",
    "BufferLease",
    "BufferWanted",
    "Buffers",
    "Capabilities",
    "CutReason",
    "Digests",
    "Feed",
    "Form",
    "FormPart",
    "Ledger",
    "Listener",
    "Listeners",
    "Pace",
    "PartStore",
    "Presence",
    "Sniffer",
    "Staging",
    "Ticket",
    "Transaction",
    "UrlSigner",
    "Writer",
    "Writers",
]
