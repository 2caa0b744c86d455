"""Undoing encodings, one layer at a time; `core.search` drives them recursively.

text        percent, JSON and C escapes, HTML entities, quoted-printable, wrapped lines, UTF-16
tokens      base64 in every alphabet and alignment, base32, hex: runs inside a text
compressed  gzip, zlib, raw deflate, brotli, zstd, with a bound on what comes out
lzstring    lz-string, which web trackers pack their state with
binary      protobuf without a schema, MessagePack, CBOR, gRPC frames
budget      what one exchange may cost
"""
