"""A line's own certificate, checked before it is believed: it is what its contacts will be shown."""

from sayso.phone.core.lines import Device
from sayso.phone.line.statements import current
from sayso.protocol.certificate import Certificate, check_number, read_certificate
from sayso.protocol.errors import CertificateError
from sayso.protocol.ids import KeyDigest, same
from sayso.protocol.numbers import PhoneNumber


def check_own_certificate(wire: bytes, device: Device, number: PhoneNumber) -> Certificate:
    """Check a certificate that the server gave to this device.

    Raises:
        CertificateError: not signed by the server, or not about this device's keys and this number.
    """
    statement, _ = current(device)
    certificate = read_certificate(
        wire,
        certificate_key=statement.certificate_key,
        other_key=statement.other_certificate_key,
        server=KeyDigest(device.server_key),
    )
    ours = (device.device, device.ed25519, device.curve25519)
    if (certificate.device, certificate.ed25519, certificate.curve25519) != ours:
        raise CertificateError("the server's certificate is about another device")
    if device.token is not None and not same(certificate.token, device.token):
        raise CertificateError("the server's certificate is about another token")
    check_number(certificate, salt=device.salt, number=number)
    return certificate
