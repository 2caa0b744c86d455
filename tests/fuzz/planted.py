"""A decoder with a bug, to see that the harness finds one."""


def fuzz_one(data: bytes) -> None:
    """Raise what no decoder may, on one byte in 256."""
    if data[:1] == b"!":
        raise IndexError("planted")


def seeds() -> list[bytes]:
    """Nothing that triggers it."""
    return [b"harmless"]
