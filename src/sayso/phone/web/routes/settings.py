"""Settings, and above all Settings > Cloud Messaging: the switch, what it means, what is held, and how to leave."""

from typing import Annotated, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler
from litestar.params import FromPath
from msgspec import Meta, Struct

from sayso.consent.policy import current_policy, policy_text
from sayso.consent.proofs import Proofs
from sayso.phone import command_types as ask
from sayso.phone.errors import CommandError
from sayso.phone.line.owner import NO_LINE
from sayso.phone.web import times
from sayso.phone.web.context import FIRST_RUN, LANGUAGE, PRICE, THEME
from sayso.phone.web.held import held_rows
from sayso.phone.web.languages import NAMES
from sayso.phone.web.policy import policy_blocks
from sayso.phone.web.routes.people import GiveFallback, fallback_of
from sayso.phone.web.routes.privacy import update_connections
from sayso.phone.web.routes.session import with_session
from sayso.phone.web.screens import JSON, Nothing, Outcome, Screens, WebRequest, done, read
from sayso.phone.web.threads import Choice

METHOD: Final = "settings-switch"


class TurnOn(Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's yes."""

    server: Annotated[str, Meta(min_length=1, max_length=255)]
    server_key: Annotated[str, Meta(max_length=200)]
    findable: Literal["everyone", "nobody"]
    policy_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    """Of the text that was on the screen."""
    agreed: Literal[True]
    number: Annotated[str, Meta(max_length=64)] = ""


class GiveCode(Struct, frozen=True, forbid_unknown_fields=True):
    """The code from the SMS."""

    code: Annotated[str, Meta(max_length=20)]


class ChooseFindable(Struct, frozen=True, forbid_unknown_fields=True):
    """Who may find the line."""

    findable: Literal["everyone", "nobody"]


class AgreeAnew(Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's yes to a changed policy."""

    policy_sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class Switch(Struct, frozen=True, forbid_unknown_fields=True):
    """On or off."""

    on: bool


class TurnOff(Struct, frozen=True, forbid_unknown_fields=True):
    """The owner's no; what still waits in others' mailboxes is left there unless its owner says otherwise."""

    recall_waiting: bool = False


class GivePin(Struct, frozen=True, forbid_unknown_fields=True):
    """A PIN; empty: none any more."""

    pin: Annotated[str, Meta(pattern=r"^(?:[0-9]{4,20})?\Z")]


class Prefer(Struct, frozen=True, forbid_unknown_fields=True):
    """How the owner likes it."""

    language: Literal["", "en", "de", "zh_Hans"] = ""
    theme: Literal["", "light", "dark"] = ""
    price: Annotated[str, Meta(max_length=20)] = ""


class SettingRoutes:
    """Settings."""

    def __init__(self, screens: Screens) -> None:
        self._screens = screens
        self._context = screens.context

    def routes(self) -> list[HTTPRouteHandler]:
        """Return the handlers."""
        return [
            get("/settings")(self.settings),
            post("/settings", status_code=200)(self.prefer),
            get("/settings/cloud")(self.cloud),
            get("/lines/{line:str}")(self.line),
            get("/lines/{line:str}/on")(self.before_on),
            post("/lines/{line:str}/on", status_code=200)(self.turn_on),
            post("/lines/{line:str}/code", status_code=200)(self.code),
            post("/lines/{line:str}/off", status_code=200)(self.turn_off),
            get("/lines/{line:str}/agree")(self.before_agree),
            post("/lines/{line:str}/agree", status_code=200)(self.agree),
            post("/lines/{line:str}/findable", status_code=200)(self.findable),
            post("/lines/{line:str}/fallback", status_code=200)(self.fallback),
            post("/lines/{line:str}/sim", status_code=200)(self.confirm_sim),
            post("/lines/{line:str}/read-receipts", status_code=200)(self.read_receipts),
            post("/lines/{line:str}/pin", status_code=200)(self.set_pin),
            post("/lines/{line:str}/enter-pin", status_code=200)(self.enter_pin),
            post("/lines/{line:str}/refuse", status_code=200)(self.refuse),
            get("/lines/{line:str}/held")(self.held),
            get("/lines/{line:str}/receipts")(self.receipts),
            get("/policy")(self.policy),
            post("/first-run", status_code=200)(self.first_run),
        ]

    async def settings(self, request: WebRequest) -> Response[str]:
        """All settings."""
        preferences = self._context.store.preferences
        report = await self._report()
        return self._screens.page(
            request,
            "settings.html",
            lines=await self._lines(request),
            names=NAMES,
            chosen=preferences.get(LANGUAGE) or "",
            theme=preferences.get(THEME) or "",
            price=preferences.get(PRICE) or "",
            connections=sum(line.connections for line in report.lines) + len(await update_connections(self._context)),
            version=report.version,
            has_updates=self._context.updates is not None,
        )

    async def prefer(self, request: WebRequest) -> Response[bytes]:
        """Keep preferences."""
        wanted = await read(request, Prefer)
        for name, value in ((LANGUAGE, wanted.language), (THEME, wanted.theme), (PRICE, wanted.price)):
            self._context.book.prefer(name, value)
        return done(Outcome(go="reload"))

    async def cloud(self, request: WebRequest) -> Response[str]:
        """Cloud Messaging: every line with its switch."""
        self._context.book.prefer(FIRST_RUN, "seen")
        lines = await self._lines(request)
        waiting = {line.name: await self._still_waiting(line) for line, _ in lines}
        return self._screens.page(request, "cloud.html", lines=lines, waiting=waiting)

    async def line(self, request: WebRequest, line: FromPath[str]) -> Response[str]:
        """One line's cloud messaging."""
        found, choice = await self._line(request, line)
        return self._screens.page(
            request,
            "line.html",
            line=found,
            choice=choice,
            lock=self._lock_words(request, found),
            waiting=await self._still_waiting(found),
            policy=await self._context.owner.handle(ask.GetFallback(line=found.name)),
        )

    async def before_on(self, request: WebRequest, line: FromPath[str]) -> Response[str]:
        """What a yes means, before it is given. Sends nothing."""
        found, choice = await self._line(request, line)
        return self._screens.page(
            request,
            "on.html",
            line=found,
            choice=choice,
            suggested=self._context.suggested,
            blocks=policy_blocks(policy_text()),
            policy=current_policy(),
        )

    async def turn_on(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take the yes."""
        given = await read(request, TurnOn)
        self._check_policy(given.policy_sha256)
        key = "".join(given.server_key.split()).lower()
        if len(key) != _KEY_DIGITS or not set(key) <= set("0123456789abcdef"):
            raise CommandError("the server's key has 64 hex digits; ask whoever runs the server for it")
        await self._context.owner.handle(
            ask.OptIn(
                line=self._name(line),
                server=given.server.strip(),
                server_key=key,
                number=given.number.strip() or None,
                findable=given.findable,
                method=METHOD,
            )
        )
        return done(Outcome(go=f"#/lines/{line}"))

    async def code(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take a code that the owner typed."""
        digits = "".join(sign for sign in (await read(request, GiveCode)).code if sign in "0123456789")
        if not _CODE_LEAST <= len(digits) <= _CODE_MOST:
            raise CommandError("the code in the SMS has six digits")
        await self._context.owner.handle(ask.Code(line=self._name(line), code=digits))
        return done(Outcome(refresh="main"))

    async def turn_off(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take the no. Every session ends with it; the tab that gave it goes on with a fresh one."""
        recall = (await read(request, TurnOff)).recall_waiting
        name = self._name(line)
        left = await self._context.desk.handle(ask.OptOut(line=name, recall_waiting=recall))
        if not isinstance(left, ask.OptedOut):
            raise CommandError("the phone's daemon is of another version; restart it")
        _, choice = await self._line(request, line)
        language = self._screens.language(request)
        html = self._screens.pages.render("off.html", language, left=left, choice=choice)
        opened = self._context.sessions.fresh()
        return with_session(done(Outcome(html=html, tab=opened.tab, refresh="list")), opened)

    async def before_agree(self, request: WebRequest, line: FromPath[str]) -> Response[str]:
        """The changed policy."""
        found, choice = await self._line(request, line)
        return self._screens.page(
            request,
            "agree.html",
            line=found,
            choice=choice,
            blocks=policy_blocks(policy_text()),
            policy=current_policy(),
        )

    async def agree(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take the yes to a changed policy."""
        policy = (await read(request, AgreeAnew)).policy_sha256
        self._check_policy(policy)
        await self._context.owner.handle(ask.Agree(line=self._name(line), policy_sha256=policy, method=METHOD))
        return done(Outcome(go=f"#/lines/{line}"))

    async def findable(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take the owner's word on who may find a line that is on: a consent of its own."""
        findable = (await read(request, ChooseFindable)).findable
        await self._context.owner.handle(ask.SetFindable(line=self._name(line), findable=findable, method=METHOD))
        return done(Outcome(refresh="main"))

    async def fallback(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """What becomes of texts that do not arrive by cloud, where a conversation has no policy of its own."""
        policy = fallback_of(await read(request, GiveFallback))
        await self._context.owner.handle(ask.SetFallback(line=self._name(line), fallback=policy))
        return done(Outcome(refresh="main"))

    async def confirm_sim(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Take the owner's word on a SIM that is not the line's."""
        ours = (await read(request, Switch)).on
        await self._context.owner.handle(ask.ConfirmSim(line=self._name(line), ours=ours))
        return done(Outcome(refresh="main"))

    async def read_receipts(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Switch read receipts."""
        on = (await read(request, Switch)).on
        await self._context.owner.handle(ask.SetReadReceipts(line=self._name(line), on=on))
        return done()

    async def set_pin(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Set, change or remove the PIN."""
        pin = (await read(request, GivePin)).pin or None
        await self._context.owner.handle(ask.SetPin(line=self._name(line), pin=pin))
        return done(Outcome(refresh="main"))

    async def enter_pin(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Give the PIN of a number that is locked."""
        pin = (await read(request, GivePin)).pin
        await self._context.owner.handle(ask.EnterPin(line=self._name(line), pin=pin))
        return done(Outcome(refresh="main"))

    async def refuse(self, request: WebRequest, line: FromPath[str]) -> Response[bytes]:
        """Send another device away that waits for this line's number; the code for it comes by SMS."""
        await read(request, Nothing)
        await self._context.owner.handle(ask.RefuseNewcomer(line=self._name(line)))
        return done(Outcome(refresh="main"))

    async def held(self, request: WebRequest, line: FromPath[str]) -> Response[str]:
        """Ask the server for all that it holds of a line: one request, because the owner asked."""
        found, choice = await self._line(request, line)
        answer = await self._context.owner.handle(ask.Me(line=found.name))
        if not isinstance(answer, ask.Held):
            raise CommandError("the phone's daemon is of another version; restart it")
        rows = held_rows(answer.held, self._screens.language(request).gettext)
        return self._screens.page(request, "held.html", choice=choice, rows=rows)

    async def receipts(self, line: FromPath[str]) -> Response[bytes]:
        """A line's proofs, as the file that `sayso receipt verify` reads."""
        answer = await self._context.owner.handle(ask.Receipts(line=self._name(line)))
        if not isinstance(answer, ask.ReceiptList):
            raise CommandError("the phone's daemon is of another version; restart it")
        document = Proofs(proofs=answer.proofs, schema_version="sayso-proofs-1")
        return Response(
            msgspec.json.format(msgspec.json.encode(document)),
            media_type=JSON,
            headers={"content-disposition": 'attachment; filename="sayso-receipts.json"'},
        )

    async def policy(self, request: WebRequest) -> Response[str]:
        """The policy in this package."""
        return self._screens.page(request, "policy.html", blocks=policy_blocks(policy_text()), policy=current_policy())

    async def first_run(self, request: WebRequest) -> Response[bytes]:
        """Not now. Nothing asks again."""
        await read(request, Nothing)
        self._context.book.prefer(FIRST_RUN, "not-now")
        return done(Outcome(refresh="list"))

    def _check_policy(self, shown: str) -> None:
        if shown != current_policy().sha256.hex():
            raise CommandError("the policy has changed while it was on the screen; read it again")

    async def _report(self) -> ask.StatusReport:
        answer = await self._context.owner.handle(ask.Status())
        if not isinstance(answer, ask.StatusReport):
            raise CommandError("the phone's daemon is of another version; restart it")
        return answer

    async def _lines(self, request: WebRequest) -> list[tuple[ask.Line, Choice]]:
        choices = {choice.name: choice for choice in self._screens.threads(request).choices(b"")}
        return [(line, choices[line.name]) for line in (await self._report()).lines]

    async def _still_waiting(self, line: ask.Line) -> int:
        """Return how many texts of a line wait in others' mailboxes, as far as this phone was told."""
        answer = await self._context.owner.handle(ask.StillWaiting(line=line.name))
        if not isinstance(answer, ask.MessageList):
            raise CommandError("the phone's daemon is of another version; restart it")
        return len(answer.messages)

    async def _line(self, request: WebRequest, line: str) -> tuple[ask.Line, Choice]:
        name = self._name(line)
        return next(one for one in await self._lines(request) if one[0].name == name)

    def _name(self, line: str) -> str:
        for one in self._context.store.lines.all():
            if one.id.hex() == line:
                return one.name
        raise CommandError(NO_LINE)

    def _lock_words(self, request: WebRequest, line: ask.Line) -> dict[str, str]:
        language = self._screens.language(request)
        moments = {
            "released_at": line.released_at,
            "waits_until": line.lock.waits_until,
            "newcomer_until": line.lock.newcomer_until,
        }
        return {
            name: times.full(times.at(moment, self._context.zone), language)
            for name, moment in moments.items()
            if moment is not None
        }


_KEY_DIGITS: Final = 64
_CODE_LEAST, _CODE_MOST = 4, 10
