"""The way that codes take: an SMSC by SMPP, or an HTTP gateway."""
