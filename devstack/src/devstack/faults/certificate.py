"""A certificate for the loopback, so that what speaks TLS can be tried without anybody's leave."""

import datetime as dt
import ipaddress
import ssl
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from common.clock import SystemClock
from devstack.local_place import LOOPBACK

_LIFETIME = dt.timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Certificate:
    """`path` holds certificate and key; clients that trust it as an authority accept it."""

    path: Path

    def server_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.path)
        return context

    def client_context(self) -> ssl.SSLContext:
        """For a client that trusts this one and no other."""
        return ssl.create_default_context(cafile=str(self.path))

    def trusted(self) -> dict[str, str]:
        """The environment in which Python, OpenSSL and the AWS libraries trust it."""
        return {"SSL_CERT_FILE": str(self.path), "AWS_CA_BUNDLE": str(self.path)}


def make_certificate(folder: Path) -> Certificate:
    """A new one for the loopback address, good for a day."""
    key, now = ec.generate_private_key(ec.SECP256R1()), SystemClock().now()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "reprise tests")])
    address = x509.IPAddress(ipaddress.ip_address(LOOPBACK))
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _LIFETIME)
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectAlternativeName([address]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / "loopback.pem"
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    path.write_bytes(private + built.public_bytes(serialization.Encoding.PEM))
    return Certificate(path)
