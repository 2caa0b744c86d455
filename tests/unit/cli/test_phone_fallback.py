"""`sayso phone fallback`, `cancel`, `sim`, and what `opt-out` asks, against a daemon that answers as it is told."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from click.testing import CliRunner, Result

from sayso.cli.main import main
from sayso.phone import command_types as types
from sayso.phone.adapters.commands import SOCKET_NAME, serve_commands
from tests.fakes.commands import FakeHandler


@contextmanager
def daemon(data: Path, answer: Callable[[types.Command], types.Answer]) -> Iterator[FakeHandler]:
    """Serve commands in a thread, as the daemon would in its process."""
    handler, served, loop = FakeHandler(answer), threading.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        ready = asyncio.Event()
        serving = asyncio.ensure_future(serve_commands(data / SOCKET_NAME, handler, ready=ready))
        await ready.wait()
        stop = asyncio.Event()
        stops.append(lambda: loop.call_soon_threadsafe(stop.set))
        served.set()
        await stop.wait()
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)

    stops: list[Callable[[], object]] = []
    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert served.wait(30)
    try:
        yield handler
    finally:
        stops[0]()
        thread.join(30)
        loop.close()


def say(data: Path, *words: str) -> Result:
    """Run a command."""
    result = CliRunner().invoke(main, ["phone", words[0], "--data", str(data), *words[1:]])
    assert result.exit_code == 0, result.output
    return result


def _fallback(command: types.Command) -> types.Answer:
    given = command.fallback if isinstance(command, types.SetFallback) else types.Fallback(unreachable="never")
    return types.FallbackSet(line="sim", number=None, fallback=given or types.Fallback(), own=given is not None)


def test_only_what_is_chosen_changes(tmp_path: Path) -> None:
    with daemon(tmp_path, _fallback) as phone:
        said = say(tmp_path, "fallback", "--undelivered", "after", "--minutes", "3").output
        shown, changed = phone.commands
        assert shown == types.GetFallback()
        assert changed == types.SetFallback(
            fallback=types.Fallback(
                undelivered="after", undelivered_after_min=3, unreachable="never", unreachable_after_min=3
            )
        )
        assert "by SMS, unencrypted, after 3 minutes" in said
        assert "never by SMS" in said
        say(tmp_path, "fallback", "--reset")
        assert json.loads(say(tmp_path, "fallback", "--json").output)["fallback"]["unreachable"] == "never"
        assert phone.commands[2:] == [types.GetFallback(), types.SetFallback(fallback=None), types.GetFallback()]


def test_a_sim_is_confirmed_or_given_up(tmp_path: Path) -> None:
    with daemon(tmp_path, lambda _: types.Done()) as phone:
        assert "goes on" in say(tmp_path, "sim", "--ours").output
        assert "off" in say(tmp_path, "sim", "--another", "--line", "two").output
        assert phone.commands == [types.ConfirmSim(ours=True), types.ConfirmSim(line="two", ours=False)]


def test_an_id_that_is_none_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    with daemon(tmp_path, lambda _: types.Done()) as phone:
        assert CliRunner().invoke(main, ["phone", "cancel", "--data", str(tmp_path), "x"]).exit_code != 0
        assert phone.commands == []


def test_opt_out_recalls_only_on_the_owners_word_and_says_what_is_left(tmp_path: Path) -> None:
    out = types.OptedOut(line="sim", erased=True, outlives=[], recalled=2, left_waiting=1)
    with daemon(tmp_path, lambda _: out) as phone:
        said = say(tmp_path, "opt-out", "--recall-waiting").output
        assert "recalled first: 2" in said
        assert "left in others' mailboxes: 1" in said
        say(tmp_path, "opt-out")  # no terminal: nobody is asked
        assert phone.commands == [types.OptOut(recall_waiting=True), types.OptOut()]
