"""Joins an SMS to the message that a sent-as-SMS notice names; inside its callers' transactions."""

from dataclasses import replace
from typing import Final

from sayso.phone.core.notices import Notice, the_notice, the_sms
from sayso.phone.core.texts import InState, Text
from sayso.phone.line.world import World
from sayso.protocol.content import Kind, SmsNotice

_NEWEST: Final = 200
"""SMS of one thread that a notice is held against."""


class Joining:
    """Of one line. What each returns has changed in the thread."""

    def __init__(self, world: World, line: bytes) -> None:
        self._world = world
        self._line = line

    def notice_came(self, number: str, body: SmsNotice) -> list[Text]:
        """Note that a message goes by SMS as well; the SMS may be here already."""
        notices = self._world.store.notices
        if notices.get(self._line, number, body.message_id) is not None:
            return []
        notice = Notice(
            line=self._line,
            number=number,
            message_id=body.message_id,
            sha256=body.sha256,
            parts=body.parts,
            at=self._world.clock.wall(),
        )
        notices.put(notice)
        return self._look(notice)

    def message_came(self, number: str, message_id: bytes) -> list[Text]:
        """A message was stored that came by cloud: the SMS that is the same may be here already."""
        notice = self._world.store.notices.get(self._line, number, message_id)
        return self._look(notice) if notice is not None and not notice.joined else []

    def sms_came(self, sms: Text) -> list[Text]:
        """An SMS was stored: a notice may have said so."""
        store = self._world.store
        waiting = [
            (one, None if (message := self._message(one)) is None else message.text)
            for one in store.notices.open(self._line, sms.number)
        ]
        notice = the_notice(sms, waiting, now=self._world.clock.wall())
        return [] if notice is None else self._join(notice, sms)

    def _look(self, notice: Notice) -> list[Text]:
        store = self._world.store
        taken = store.notices.joined_to(self._line, notice.number)
        free = [one for one in store.texts.newest_sms(self._line, notice.number, _NEWEST) if one.id not in taken]
        message = self._message(notice)
        sms = the_sms(notice, free, message=None if message is None else message.text)
        return [] if sms is None else self._join(notice, sms)

    def _message(self, notice: Notice) -> Text | None:
        return self._world.store.texts.came_by_cloud(self._line, notice.number, notice.message_id)

    def _join(self, notice: Notice, sms: Text) -> list[Text]:
        """From here on they are one: the message as it came by cloud if it did, else the SMS."""
        store = self._world.store
        store.notices.put(replace(notice, joined=sms.id))
        if self._message(notice) is not None:
            hidden = replace(sms, state=InState.JOINED)
            store.texts.put(hidden)
            return [hidden]
        # The digest fits: nothing is lost with the copy that may still come by cloud.
        store.seen.add_message(self._line, notice.number, notice.message_id)
        store.outbox.owe_receipt(self._line, notice.number, Kind.DELIVERED, notice.message_id)
        return []
