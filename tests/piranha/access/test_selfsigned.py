from __future__ import annotations

import datetime
import socket
import ssl
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from piranha.access import selfsigned


def test_the_pair_fits_names_this_machine_and_hides_its_key(tmp_path: Path) -> None:
    certificate, key = selfsigned.pair(tmp_path / "tls")

    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key)
    assert key.stat().st_mode & 0o777 == 0o600
    read = x509.load_pem_x509_certificate(certificate.read_bytes())
    names = read.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert {"localhost", socket.gethostname()} <= set(names.get_values_for_type(x509.DNSName))
    assert ip_address("127.0.0.1") in names.get_values_for_type(x509.IPAddress)


def test_it_is_kept_from_start_to_start(tmp_path: Path) -> None:
    certificate, _key = selfsigned.pair(tmp_path)
    before = selfsigned.fingerprint(certificate)
    selfsigned.pair(tmp_path)
    assert selfsigned.fingerprint(certificate) == before


def test_one_that_ends_soon_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selfsigned, "LASTS", datetime.timedelta(days=29))
    certificate, _key = selfsigned.pair(tmp_path)
    before = selfsigned.fingerprint(certificate)
    monkeypatch.undo()
    selfsigned.pair(tmp_path)
    assert selfsigned.fingerprint(certificate) != before


def test_half_a_pair_is_made_anew(tmp_path: Path) -> None:
    certificate, key = selfsigned.pair(tmp_path)
    key.unlink()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*selfsigned.pair(tmp_path))
    certificate.unlink()
    ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(*selfsigned.pair(tmp_path))


def test_the_fingerprint_is_written_as_browsers_do(tmp_path: Path) -> None:
    certificate, _key = selfsigned.pair(tmp_path)
    parts = selfsigned.fingerprint(certificate).split(":")
    assert len(parts) == 32
    assert all(len(part) == 2 and part == part.upper() for part in parts)
