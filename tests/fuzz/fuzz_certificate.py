"""Sender certificates: only CertificateError, and nothing damaged is accepted."""

import contextlib

from sayso.protocol.certificate import read_certificate
from sayso.protocol.errors import CertificateError
from scripts.vector_cast import ALICE, CERTIFICATE_KEY, SERVER
from tests.fuzz.vectors import vectors

SLOW_EXECUTIONS = 10_000
_KEY = CERTIFICATE_KEY.public_key().public_bytes_raw()


def fuzz_one(data: bytes) -> None:
    # An empty key ends the check right before the curve, after all that is parsed.
    with contextlib.suppress(CertificateError):
        read_certificate(data, certificate_key=b"", server=SERVER)


def slow_one(data: bytes) -> None:
    with contextlib.suppress(CertificateError):
        if read_certificate(data, certificate_key=_KEY, server=SERVER) != ALICE.certificate:
            raise AssertionError("accepted, and not what was signed")


def seeds() -> list[bytes]:
    return [bytes.fromhex(vectors("certificate")["certificate"])]
