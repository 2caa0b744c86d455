"""Whether bytes could not be looked into: neither text nor anything known, and without pattern."""

import zlib

MIN_OPAQUE = 128
"""Bytes; shorter ones are keys, signatures and random ids."""
MIN_OPAQUE_TOKEN = 300
"""Bytes behind base64 or hex in a text; an RSA signature of 2,048 bits has 256."""
PIECE, PIECES = 1024, 8
"""Bytes of a piece that is judged, and how many at least are."""
_PACKED_RATIO = 0.97
# Pictures, sound, video, fonts, archives of them: dense, and known for what they are.
_MEDIA = (
    *(
        b"\xff\xd8\xff",
        b"\x89PNG\r\n",
        b"GIF8",
        b"RIFF",
        b"OggS",
        b"ID3",
        b"\x00\x01\x00\x00\x00",
        b"wOFF",
        b"wOF2",
        b"OTTO",
    ),
    *(b"\x00\x00\x01\x00", b"\x1aE\xdf\xa3", b"fLaC", b"\xff\xfb", b"\xff\xf1", b"\x00\x00\x00\x0cJXL"),
)
_BOXES = (b"ftyp", b"styp", b"moof", b"sidx", b"moov")


def is_media(data: bytes) -> bool:
    """Whether bytes begin like a picture, sound, video or font."""
    return data.startswith(_MEDIA) or data[4:8] in _BOXES


def is_dense(data: bytes) -> bool:
    """Whether nothing in the bytes repeats: encrypted, or compressed in a way nobody told."""
    # By pieces: text, or what repeats, before and after something encrypted must not make up for it.
    step = max(PIECE, len(data) // PIECES)
    return any(_has_no_pattern(data[start : start + PIECE]) for start in range(0, len(data), step))


def _has_no_pattern(piece: bytes) -> bool:
    if len(piece) < MIN_OPAQUE or piece.isascii():
        return False
    return len(zlib.compress(piece, 1)) > _PACKED_RATIO * len(piece)


def is_opaque(data: bytes) -> bool:
    """Whether bytes that nothing could decode have to be listed as not seen into."""
    return len(data) >= MIN_OPAQUE and not is_media(data) and is_dense(data)
