"""The control socket: an operator's and the tests' hand on the network. Whoever may open it may do everything."""

import asyncio
import socket
from collections.abc import Callable
from pathlib import Path

import msgspec

from sayso.carrier.control import (
    MAX_LINE_BYTES,
    AskNetwork,
    ListSent,
    ListSims,
    Reply,
    Request,
    SentSms,
    SimInfo,
    encode_line,
    request_decoder,
)
from sayso.carrier.core.events import AddSim, InsertSim
from sayso.carrier.core.records import Message, Modem, Sim
from sayso.carrier.engine import Engine
from sayso.carrier.errors import RefusedError


class ControlListener:
    """Answers requests on a Unix socket; `socket_of` tells where a modem's socket is."""

    def __init__(
        self, listening: socket.socket, group: asyncio.TaskGroup, engine: Engine, socket_of: Callable[[str], Path]
    ) -> None:
        """Serve on tasks of `group`."""
        self._group = group
        self._engine = engine
        self._socket_of = socket_of
        self._listening = listening

    async def serve(self) -> None:
        """Serve until cancelled."""

        def greet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self._group.create_task(self._serve(reader, writer))

        with self._listening:
            server = await asyncio.start_unix_server(greet, sock=self._listening, limit=MAX_LINE_BYTES)
            async with server:
                await server.serve_forever()

    def answer(self, line: bytes) -> Reply:
        """Do what one line asks for."""
        try:
            request = request_decoder.decode(line)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            return Reply(ok=False, error="bad-request", message=str(error))
        try:
            return self._do(request)
        except RefusedError as error:
            return Reply(ok=False, error=error.code, message=str(error))

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while (line := await reader.readline()).endswith(b"\n"):
                writer.write(encode_line(self.answer(line)))
                await writer.drain()
        except ValueError:  # StreamReader's word for a line above the limit
            writer.write(encode_line(Reply(ok=False, error="bad-request", message="the line is too long")))
        except ConnectionError:
            pass  # whoever asked has gone
        finally:
            writer.close()

    def _do(self, request: Request) -> Reply:
        network = self._engine.network
        match request:
            case ListSims():
                return Reply(ok=True, sims=self._sims())
            case ListSent(after=after, to=to, limit=limit):
                messages = [message for message in network.journal(after=after) if to in {None, message.to}]
                return Reply(ok=True, sent=[_sent(message) for message in messages[:limit]])
            case AskNetwork():
                return Reply(ok=True, queued=network.queued, conditions=network.conditions)
            case _:
                self._engine.act(request)
                if isinstance(request, AddSim | InsertSim):
                    return Reply(ok=True, sims=[sim for sim in self._sims() if sim.name == request.name])
                return Reply(ok=True)

    def _sims(self) -> list[SimInfo]:
        return [self._info(*known) for known in self._engine.network.sims()]

    def _info(self, sim: Sim, modem: Modem | None, attached: bool, stored: int) -> SimInfo:  # noqa: FBT001  one row
        return SimInfo(
            name=sim.name,
            number=sim.number,
            imsi=sim.imsi,
            iccid=sim.iccid,
            tells_number=sim.tells_number,
            locked=sim.locked,
            modem=sim.modem,
            imei=modem.imei if modem else None,
            socket=str(self._socket_of(modem.name)) if modem else None,
            coverage=modem is not None and modem.coverage,
            attached=attached,
            stored=stored,
        )


def _sent(message: Message) -> SentSms:
    return SentSms(
        id=message.id,
        time=message.accepted_at,
        sender=message.sender,
        to=message.to,
        text=message.text,
        parts=message.parts,
        fate=message.fate,
    )
