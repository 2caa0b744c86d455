"""What a newcomer and a holder do at a registration lock, by hand."""

import msgspec

from sayso.protocol import api
from sayso.protocol.passphrase import CHEAPEST
from sayso.protocol.pin import pin_input, prove
from sayso.protocol.tokens import Blinded
from tests.fakes.asgi import Answer
from tests.fakes.control_server import ControlServer
from tests.fakes.enrolling_device import EnrollingDevice


async def comes(server: ControlServer, device: EnrollingDevice) -> tuple[bytes, str, Answer]:
    """Ask for a code and confirm it; returns enrolment id, code, and the answer."""
    device.nonces.clear()
    enrolment, code = await server.code_for(device)
    return enrolment, code, await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code))


def lock_in(answer: Answer) -> api.Lock:
    """What a refusal says of the lock."""
    lock = msgspec.json.decode(answer.body, type=api.Problem).lock
    assert lock is not None
    return lock


def proof_from(answer: Answer, blinded: Blinded) -> bytes:
    """Take the blind off an evaluated PIN, and harden it."""
    assert answer.status == 200, answer.body
    evaluated = msgspec.json.decode(answer.body, type=api.PinEvaluated)
    (output,) = blinded.finish(evaluated.evaluated, public_key=evaluated.key)
    return prove(output, evaluated.salt, CHEAPEST)


async def set_pin(device: EnrollingDevice, pin: str | None) -> Answer:
    """Set or remove the PIN of an enrolled device's line."""
    proof = None
    if pin is not None:
        blinded = Blinded([pin_input(pin)])
        answer = await device.post(api.EVALUATE_PIN_PATH, api.EvaluatePin(blinded.elements[0], fresh=True))
        if answer.status != 200:
            return answer
        proof = proof_from(answer, blinded)
    return await device.post(api.PIN_PATH, api.SetPin(proof))


async def enter_pin(device: EnrollingDevice, enrolment: bytes, code: str, pin: str) -> Answer:
    """Try to come in by a PIN; returns the last answer."""
    blinded = Blinded([pin_input(pin)])
    answer = await device.post(api.TRY_PIN_PATH, api.TryPin(enrolment, code, blinded.elements[0]))
    if answer.status != 200:
        return answer
    return await device.post(api.CONFIRM_PATH, api.Confirm(enrolment, code, proof_from(answer, blinded)))


async def refuse(server: ControlServer, holder: EnrollingDevice) -> Answer:
    """Refuse a newcomer with a fresh code."""
    holder.nonces.clear()
    enrolment, code = await server.code_for(holder)
    return await holder.post(api.REFUSE_PATH, api.RefuseNewcomer(enrolment, code))


async def delay(holder: EnrollingDevice, pin: str) -> Answer:
    """Delay a newcomer with the PIN; returns the last answer."""
    holder.nonces.clear()
    blinded = Blinded([pin_input(pin)])
    answer = await holder.post(api.EVALUATE_PIN_PATH, api.EvaluatePin(blinded.elements[0], fresh=False))
    if answer.status != 200:
        return answer
    return await holder.post(api.DELAY_PATH, api.DelayNewcomer(proof_from(answer, blinded)))
