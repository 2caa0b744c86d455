"""Codes by SMPP 3.4.

    sender.py    the `CodeSender`: connects, binds, comes back after a loss; asyncio and TLS
      session.py   one connection, without I/O: bytes and time in, events and bytes out
        pdus.py      PDUs to bytes (by `aiosmpplib`) and back (here: what comes in is hostile)
      waiting.py   who waits to be sent: for a bind, for room in the window, for a throttling SMSC
      receipts.py  which delivery receipt belongs to an SMS of ours
    config.py    where the SMSC is, and what is refused at start

`aiosmpplib` writes our PDUs and knows the alphabets. Its client is not used (docs/adr/0010): it has no TLS, logs PDUs
with the number in them, and a malformed PDU ends it for good.
"""
