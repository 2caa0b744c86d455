"""The files that people hand to the auditor: one family of errors, and no seed's value in any of them."""

from datetime import date

from sayso.audit.core import phases, policy
from sayso.audit.core import seeds as seeds_file
from sayso.audit.core.forms import expand
from sayso.audit.errors import AuditError
from sayso.audit.report import json_report
from tests.fakes.audit_world import exchange, scan

_DAY = date(2026, 8, 7)


def fuzz_one(data: bytes) -> None:
    """The first byte says which kind of file it is."""
    body = data[1:]
    try:
        match data[:1]:
            case b"s":
                read = seeds_file.parse(body)
                for seed in read.seeds[:4]:
                    expand(seed)
                    if seed.value in repr(seed) and len(seed.value) > 20:
                        raise AssertionError("a seed shows its value")
            case b"p":
                phases.parse(body, day=_DAY)
            case b"a":
                policy.parse_allowances(body)
            case _:
                json_report.read(body)
    except AuditError:
        pass


def seeds() -> list[bytes]:
    """One of each kind."""
    return [
        (
            b's[[seed]]\nid = "a"\ntype = "imei"\nvalue = "490154203237518"\n'
            b'[[decoy]]\ntype = "mac"\nvalue = "02:4b:7e:91:c3:5d"'
        ),
        (
            b's[[seed]]\ntype = "msisdn"\nvalue = "07700 900123"\nregion = "GB"\n'
            b'[[salt]]\nvalue = "x"\n[[key]]\nhex = "00"'
        ),
        b's[[seed]]\ntype = "coordinates"\nvalue = "-47.182364, -126.904518"',
        b"p10:15 SIM in\n2026-08-07T10:16:00Z Wi-Fi on\n1790000000 login",
        b'p[[phase]]\nat = 1\nname = "a"\n[[phase]]\nat = 2026-08-07T10:16:00Z\nname = "b"',
        b'a[[allow]]\nseed = "imei"\nhost = "*.example"\nreason = "asked for"',
        b"j" + json_report.render(scan(exchange(b"imei=490154203237518"))),
    ]
