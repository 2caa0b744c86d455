"""Packets of real TLS and QUIC with the keys to them, made in memory: no socket is opened, both ends are here."""

import io
import ssl
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from aioquic._buffer import Buffer
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, H3Event, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.connection import QuicConnection
from aioquic.quic.events import HandshakeCompleted
from aioquic.quic.packet import pull_quic_header
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.fakes.audit_captures import START, Call, Wire

HOST = "tracker.example"
CLIENT_PORT = 50_123
IDLE_ROUNDS = 20
"""So many without a datagram: all was said."""


@dataclass(frozen=True)
class Keyed:
    """A capture and the key log that opens it."""

    wire: Wire
    keylog: str

    def put(self, folder: Path) -> tuple[Path, Path]:
        """Write both."""
        capture, keys = folder / "keyed.pcap", folder / "keys.txt"
        capture.write_bytes(self.wire.pcap())
        keys.write_text(self.keylog)
        return capture, keys


def certificate() -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """Of the tracker, by itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, HOST)])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36_500))
        .sign(key, hashes.SHA256())
    )
    return made, key


def tls(turns: Iterable[tuple[bool, bytes]], folder: Path, *, version: ssl.TLSVersion, dport: int = 443) -> Keyed:
    """A TLS connection: (sent by the phone, bytes) in turns."""
    made, key = certificate()
    chain = folder / "server.pem"
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    chain.write_bytes(key.private_bytes(*form) + made.public_bytes(serialization.Encoding.PEM))
    keylog = folder / "tls.keys"
    at_server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    at_server.load_cert_chain(chain)
    at_client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    at_client.check_hostname = False
    at_client.minimum_version = at_client.maximum_version = version
    at_client.keylog_filename = str(keylog)
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = at_client.wrap_bio(to_client, to_server, server_hostname=HOST)
    server = at_server.wrap_bio(to_server_in := ssl.MemoryBIO(), from_server := ssl.MemoryBIO(), server_side=True)
    segments: list[tuple[bool, bytes]] = []

    def carry() -> None:
        if data := to_server.read():
            segments.append((True, data))
            to_server_in.write(data)
        if data := from_server.read():
            segments.append((False, data))
            to_client.write(data)

    done = {True: False, False: False}
    while not all(done.values()):
        for sent, end in ((True, client), (False, server)):
            try:
                end.do_handshake()
                done[sent] = True
            except ssl.SSLWantReadError:
                pass
            carry()
    for sent, data in turns:
        (client if sent else server).write(data)
        carry()
    wire = Wire()
    wire.tcp(segments, dport=dport)
    return Keyed(wire, keylog.read_text())


@dataclass
class _End:
    """One end of a QUIC connection."""

    quic: QuicConnection
    http: H3Connection = field(init=False)

    def __post_init__(self) -> None:
        self.http = H3Connection(self.quic)

    def events(self, opened: Callable[[], None] = lambda: None) -> Iterable[H3Event]:
        while (event := self.quic.next_event()) is not None:
            if isinstance(event, HandshakeCompleted):
                opened()
            yield from self.http.handle_event(event)


def quic(calls: Sequence[Call], *, lose: Callable[[int], bool] = lambda _: False) -> Keyed:
    """A QUIC connection that carries HTTP/3 exchanges.

    Args:
        calls: what is asked and answered.
        lose: whether the datagram of this number is missing from the capture.
    """
    made, key = certificate()
    keys = io.StringIO()
    at_client = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, server_name=HOST, secrets_log_file=keys)
    at_client.verify_mode = ssl.CERT_NONE
    client = _End(QuicConnection(configuration=at_client))
    at_server = QuicConfiguration(is_client=False, alpn_protocols=H3_ALPN, certificate=made, private_key=key)
    phone, tracker = ("10.0.0.2", CLIENT_PORT), ("192.0.2.7", 443)
    wire, now, count, idle = Wire(), START, 0, 0
    client.quic.connect(tracker, now=now)
    first = client.quic.datagrams_to_send(now=now)
    header = pull_quic_header(Buffer(data=first[0][0]), host_cid_length=at_server.connection_id_length)
    server = _End(QuicConnection(configuration=at_server, original_destination_connection_id=header.destination_cid))
    answers: dict[int, Call] = {}

    def carry(datagrams: Iterable[tuple[bytes, object]], *, sent: bool) -> None:
        nonlocal count
        for data, _ in datagrams:
            if not lose(count):
                wire.udp(data, sport=CLIENT_PORT, dport=443, back=not sent)
            count += 1
            (server if sent else client).quic.receive_datagram(data, phone if sent else tracker, now=now)

    def ask() -> None:
        for call in calls:
            stream = client.quic.get_next_available_stream_id()
            answers[stream] = call
            names = {":method": call.method, ":scheme": "https", ":authority": call.host, ":path": call.path}
            headers = [*names.items(), *((name.lower(), value) for name, value in call.headers)]
            client.http.send_headers(stream, [(name.encode(), value.encode()) for name, value in headers])
            client.http.send_data(stream, call.body, end_stream=True)

    carry(first, sent=True)
    while idle < IDLE_ROUNDS:
        now, before = now + 0.01, count
        for event in server.events():
            if isinstance(event, (HeadersReceived, DataReceived)) and event.stream_ended:
                call = answers[event.stream_id]
                pairs = ((":status", "200"), *((name.lower(), value) for name, value in call.answer_headers))
                server.http.send_headers(event.stream_id, [(name.encode(), value.encode()) for name, value in pairs])
                server.http.send_data(event.stream_id, call.answer, end_stream=True)
        list(client.events(ask))
        carry(server.quic.datagrams_to_send(now=now), sent=False)
        carry(client.quic.datagrams_to_send(now=now), sent=True)
        idle = idle + 1 if count == before else 0
    return Keyed(wire, keys.getvalue())
