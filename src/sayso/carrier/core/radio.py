"""What phones get to hear, and whom the network can reach.

A SIM is *readable* where it is inserted and unlocked, *registered* where its modem has coverage besides, and
*reachable* where a phone is attached besides.
"""

from dataclasses import replace

from sayso.carrier.core.commands import ToPhone
from sayso.carrier.core.identity import OPERATOR_NAME
from sayso.carrier.core.ledger import Ledger
from sayso.carrier.core.records import Sim, StoredSms
from sayso.protocol import modem as wire


class Radio:
    """Knows which phones are attached and collects the frames for them; frames for nobody are not made."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._attached: set[str] = set()
        self._frames: list[ToPhone] = []

    def attach(self, modem: str) -> None:
        """Tell a phone that has just come all there is to know."""
        self._attached.add(modem)
        self.announce(modem)

    def detach(self, modem: str) -> None:
        """The phone has gone."""
        self._attached.discard(modem)

    def is_attached(self, modem: str | None) -> bool:
        """Whether a phone is attached to this modem."""
        return modem in self._attached

    def drain(self) -> list[ToPhone]:
        """Return the frames collected since the last call."""
        frames, self._frames = self._frames, []
        return frames

    def sim_in(self, modem: str) -> Sim | None:
        """Return the SIM that is inserted in this modem."""
        name = self._ledger.sim_in_modem.get(modem)
        return None if name is None else self._ledger.sims[name]

    def is_registered(self, sim: Sim) -> bool:
        """Whether the SIM is readable and its modem has coverage."""
        return sim.modem is not None and not sim.locked and self._ledger.modems[sim.modem].coverage

    def is_reachable(self, sim: Sim) -> bool:
        """Whether the SIM is registered and a phone is there."""
        return self.is_registered(sim) and self.is_attached(sim.modem)

    def to_phone(self, modem: str | None, frame: wire.ModemFrame) -> None:
        """Send a frame to the phone at this modem, if there is one."""
        if modem is not None and self.is_attached(modem):
            self._frames.append(ToPhone(modem, frame))

    def announce(self, modem: str | None) -> None:
        """Tell the phone at this modem of its SIM, the coverage, the stored SMS and the reports it has not heard."""
        if modem is None or not self.is_attached(modem):
            return
        sim = self.sim_in(modem)
        readable = sim if sim is not None and not sim.locked else None
        self.to_phone(
            modem,
            wire.SimState(
                present=sim is not None,
                locked=sim is not None and sim.locked,
                imsi=readable.imsi if readable else "",
                iccid=sim.iccid if sim else "",
                number=readable.number if readable and readable.tells_number else None,
                imei=self._ledger.modems[modem].imei,
                operator=OPERATOR_NAME if readable else "",
            ),
        )
        self.announce_coverage(modem)
        self.announce_stored(modem)

    def announce_coverage(self, modem: str) -> None:
        """Tell the phone whether it is registered, and the reports that could not reach it before."""
        sim = self.sim_in(modem)
        self.to_phone(modem, wire.Coverage(registered=sim is not None and self.is_registered(sim)))
        if sim is not None:
            for ref in list(self._ledger.refs[sim.name]):
                self.push_report(sim, ref)

    def announce_stored(self, modem: str) -> None:
        """Tell the phone of every SMS that its SIM stores, oldest first."""
        sim = self.sim_in(modem)
        if sim is not None and not sim.locked:
            for stored in self._ledger.stored[sim.name].values():
                self.to_phone(modem, received(stored))

    def push_report(self, sim: Sim, ref: int) -> None:
        """Send the delivery report for a reference, if one is due and somebody is there to hear it."""
        known = self._ledger.refs[sim.name][ref]
        if known.report_due and self.is_reachable(sim):
            self._ledger.put(replace(known, report_due=False))
            self.to_phone(sim.modem, wire.SmsReport(ref, delivered=known.state == "delivered"))


def received(stored: StoredSms) -> wire.SmsReceived:
    """Return the frame that announces a stored SMS."""
    return wire.SmsReceived(stored.index, stored.sender, stored.text, stored.sent_at, stored.parts)
