"""Sessions: a link opens once and within a minute; cookie and tab go together; twelve hours without use end it."""

import pytest

from sayso.phone.errors import SessionError
from sayso.phone.web.sessions import IDLE_S, LINK_S, LINKS_AT_ONCE, TABS_AT_ONCE, Sessions
from sayso.protocol.limits import HOUR
from tests.fakes.phone_clock import SeededRandom


class Kept:
    """The Keeping port in memory."""

    def __init__(self) -> None:
        self.document: bytes | None = None
        self.saves = 0

    def load(self) -> bytes | None:
        return self.document

    def save(self, document: bytes) -> None:
        self.document = document
        self.saves += 1


class Clock:
    """A time that the test moves."""

    def __init__(self) -> None:
        self.at = 1_800_000_000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def kept() -> Kept:
    return Kept()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(kept: Kept, clock: Clock) -> Sessions:
    return Sessions(kept, now=clock, random=SeededRandom(1))


def test_a_link_opens_once(sessions: Sessions) -> None:
    code = sessions.link()
    opened = sessions.open(code)
    assert sessions.is_open(sessions.check(opened.cookie, opened.tab))
    with pytest.raises(SessionError, match="used already"):
        sessions.open(code)


def test_a_link_lasts_a_minute(sessions: Sessions, clock: Clock) -> None:
    code, early = sessions.link(), sessions.link()
    clock.at += LINK_S - 1
    sessions.open(early)
    clock.at += 1
    with pytest.raises(SessionError):
        sessions.open(code)


def test_a_clock_that_is_set_back_does_not_make_a_link_last(sessions: Sessions, clock: Clock) -> None:
    code = sessions.link()
    clock.at -= HOUR
    with pytest.raises(SessionError):
        sessions.open(code)


def test_only_the_newest_links_open(sessions: Sessions) -> None:
    codes = [sessions.link() for _ in range(LINKS_AT_ONCE + 1)]
    with pytest.raises(SessionError):
        sessions.open(codes[0])
    sessions.open(codes[1])


@pytest.mark.parametrize("code", ["", "0" * 64, "\udcff"])
def test_a_made_up_link_opens_nothing(sessions: Sessions, code: str) -> None:
    sessions.link()
    with pytest.raises(SessionError):
        sessions.open(code)


def test_neither_cookie_nor_tab_is_enough_and_two_sessions_do_not_mix(sessions: Sessions) -> None:
    one, other = sessions.open(sessions.link()), sessions.open(sessions.link())
    for cookie, tab in [(one.cookie, ""), ("", one.tab), (one.cookie, other.tab), (one.tab, one.cookie)]:
        with pytest.raises(SessionError, match="locked"):
            sessions.check(cookie, tab)


def test_it_ends_after_twelve_hours_without_use(sessions: Sessions, clock: Clock) -> None:
    opened = sessions.fresh()
    clock.at += IDLE_S - 1
    sessions.check(opened.cookie, opened.tab)
    clock.at += IDLE_S - 1
    session = sessions.check(opened.cookie, opened.tab)
    clock.at += IDLE_S
    assert not sessions.is_open(session)
    with pytest.raises(SessionError):
        sessions.check(opened.cookie, opened.tab)


def test_what_a_page_does_by_itself_is_no_use(sessions: Sessions, clock: Clock) -> None:
    opened = sessions.fresh()
    clock.at += IDLE_S - 1
    sessions.check(opened.cookie, opened.tab, by_person=False)
    clock.at += 1
    with pytest.raises(SessionError):
        sessions.check(opened.cookie, opened.tab)


def test_a_clock_that_was_ahead_keeps_nothing_open(sessions: Sessions, clock: Clock) -> None:
    clock.at += 1000 * HOUR
    opened = sessions.fresh()
    clock.at -= 1000 * HOUR
    with pytest.raises(SessionError):
        sessions.check(opened.cookie, opened.tab)


def test_the_end_of_all_is_told_and_spends_links(sessions: Sessions) -> None:
    told: list[str] = []
    forget = sessions.on_end(lambda: told.append("end"))
    opened, code = sessions.fresh(), sessions.link()
    sessions.end_all()
    assert told == ["end"]
    with pytest.raises(SessionError):
        sessions.check(opened.cookie, opened.tab)
    with pytest.raises(SessionError):
        sessions.open(code)
    forget()
    sessions.end_all()
    assert told == ["end"]


def test_another_tab_has_a_secret_of_its_own(sessions: Sessions) -> None:
    opened = sessions.fresh()
    session = sessions.check(opened.cookie, opened.tab)
    tabs = [sessions.another_tab(session) for _ in range(TABS_AT_ONCE)]
    assert len({opened.tab, *tabs}) == TABS_AT_ONCE + 1
    for tab in tabs:
        sessions.check(opened.cookie, tab)
    with pytest.raises(SessionError):  # one too many: the oldest is closed out
        sessions.check(opened.cookie, opened.tab)
    sessions.end_all()
    with pytest.raises(SessionError):
        sessions.another_tab(session)


def test_a_restart_goes_on_and_nothing_that_is_kept_opens_anything(
    kept: Kept, sessions: Sessions, clock: Clock
) -> None:
    opened = sessions.fresh()
    assert kept.document is not None
    assert opened.cookie.encode() not in kept.document
    assert opened.tab.encode() not in kept.document
    again = Sessions(kept, now=clock, random=SeededRandom(2))
    with pytest.raises(SessionError):
        again.check(opened.cookie, opened.tab)
    again.resume()
    again.check(opened.cookie, opened.tab)
    clock.at += IDLE_S
    later = Sessions(kept, now=clock, random=SeededRandom(3))
    later.resume()
    with pytest.raises(SessionError):
        later.check(opened.cookie, opened.tab)


def test_use_is_saved_now_and_then_and_not_each_time(kept: Kept, sessions: Sessions, clock: Clock) -> None:
    opened = sessions.fresh()
    saves = kept.saves
    for _ in range(100):
        clock.at += 1
        sessions.check(opened.cookie, opened.tab)
    assert kept.saves == saves
    clock.at += 300
    sessions.check(opened.cookie, opened.tab)
    assert kept.saves == saves + 1


def test_secrets_do_not_show(sessions: Sessions) -> None:
    opened = sessions.fresh()
    assert opened.cookie not in repr(opened)
    assert opened.tab not in repr(opened)
