"""A certificate of our own making, for a web that nobody has given one: better than no secrecy.

A browser cannot tell whose it is, so its fingerprint is printed to be compared by eye.
"""

from __future__ import annotations

import datetime
import fcntl
import os
import socket
import struct
from contextlib import suppress
from ipaddress import IPv6Address, ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LASTS = datetime.timedelta(days=825)  # the most that browsers take
RENEWED_BEFORE = datetime.timedelta(days=30)
SIOCGIFADDR = 0x8915  # linux/sockios.h
IF_INET6 = Path("/proc/net/if_inet6")


def pair(folder: Path) -> tuple[Path, Path]:
    """Give certificate and key in `folder`; made where there are none or they end soon.

    Raises:
        OSError, ValueError: They can be neither read nor made.
    """
    certificate, key = folder / "cert.pem", folder / "key.pem"
    if not (certificate.exists() and key.exists()) or _ends_soon(certificate):
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _make(certificate, key)
    return certificate, key


def fingerprint(certificate: Path) -> str:
    """Give the SHA-256 of a certificate as browsers write it."""
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    return read.fingerprint(hashes.SHA256()).hex(":").upper()


def _ends_soon(certificate: Path) -> bool:
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    return read.not_valid_after_utc - RENEWED_BEFORE < datetime.datetime.now(datetime.UTC)


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    pem = private.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    # The key first: with a new key and an old certificate the next start makes both again.
    certificate.unlink(missing_ok=True)
    _write(key, pem)
    _write(certificate, _signed(private).public_bytes(serialization.Encoding.PEM))


def _write(path: Path, data: bytes) -> None:
    beside = path.with_name(f".{path.name}.new")
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with open(handle, "wb") as file:
        file.write(data)
    beside.replace(path)


def _signed(private: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    host = socket.gethostname()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, host[:64])])
    now = datetime.datetime.now(datetime.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + LASTS)
        .add_extension(x509.SubjectAlternativeName(_names(host)), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .sign(private, hashes.SHA256())
    )


def _names(host: str) -> list[x509.GeneralName]:
    names = dict.fromkeys((host, socket.getfqdn(), "localhost"))
    known: list[x509.GeneralName] = [x509.DNSName(name) for name in names if name.isascii()]
    return known + [x509.IPAddress(ip_address(address)) for address in _addresses()]


def _addresses() -> list[str]:
    """List this machine's addresses: the first of IPv4 of each interface, all of IPv6."""
    found = ["127.0.0.1", "::1"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        for _number, name in socket.if_nameindex():
            with suppress(OSError):  # it has none
                request = struct.pack("256s", name.encode()[:15])
                found.append(socket.inet_ntoa(fcntl.ioctl(asking, SIOCGIFADDR, request)[20:24]))
    with suppress(OSError):  # without IPv6
        lines = IF_INET6.read_text().splitlines()
        found += [str(IPv6Address(bytes.fromhex(line.split()[0]))) for line in lines]
    return list(dict.fromkeys(found))
