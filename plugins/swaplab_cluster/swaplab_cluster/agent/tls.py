"""The certificate of an agent: made by itself, and pinned by the control host by its sha256."""

from __future__ import annotations

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

YEARS = 20
CERTIFICATE, KEY = "agent.crt", "agent.key"


def ensure_certificate(folder: Path) -> None:
    """Make key and certificate in this folder unless they are there. Raises OSError."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    certificate, key = folder / CERTIFICATE, folder / KEY
    if certificate.exists() and key.exists():
        return
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    key.touch(mode=0o600)
    key.chmod(0o600)
    key.write_bytes(pem)
    certificate.write_bytes(_certificate(private).public_bytes(serialization.Encoding.PEM))


def _certificate(private: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "swaplab-agent")])
    now = datetime.now(UTC)
    builder = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(private.public_key())
    builder = builder.serial_number(x509.random_serial_number())
    builder = builder.not_valid_before(now - timedelta(days=1))
    builder = builder.not_valid_after(now + timedelta(days=365 * YEARS))
    return builder.sign(private, hashes.SHA256())


def fingerprint(folder: Path) -> str:
    """The sha256 of the certificate, 64 hex digits: what is pinned."""
    certificate = x509.load_pem_x509_certificate((folder / CERTIFICATE).read_bytes())
    return certificate.fingerprint(hashes.SHA256()).hex()


def server_context(folder: Path) -> ssl.SSLContext:
    """TLS as the agent speaks it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(folder / CERTIFICATE, folder / KEY)
    return context
