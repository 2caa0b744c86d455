"""Contacts, blocking, comparing, exporting, deleting: through the app."""

from pathlib import Path

import msgspec
import pytest

from sayso.phone.errors import CommandError
from sayso.phone.web.routes.people import GiveFallback, fallback_of, qr_path
from tests.aio import run
from tests.fakes.phones import BOB
from tests.fakes.web_app import error, outcome, web_app

CARDS = (
    "BEGIN:VCARD\nFN:Bob <b>\nTEL:+447700900102\nEND:VCARD\n"
    "BEGIN:VCARD\nFN:Carol\nTEL:+44 7700 900103\nTEL:0800 local\nEND:VCARD\n"
)


def test_contacts_come_in_by_hand_and_by_file_and_go(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            said = outcome(await browser.post("/contacts/import", {"file": CARDS}))["say"]
            assert said == "2 contacts taken over. 1 was left out: no number that can be written to."
            page = (await browser.get("/contacts")).body.decode()
            assert "Bob &lt;b&gt;" in page
            assert "Carol" in page
            await browser.post("/contacts", {"name": "Robert", "number": "+44 7700 900102"})
            assert "Bob" not in (await browser.get("/contacts")).body.decode()
            await browser.post("/contacts/delete", {"number": BOB})
            assert "Robert" not in (await browser.get("/contacts")).body.decode()

    run(main())


def test_a_conversation_is_named_blocked_and_deleted(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = outcome(await browser.post("/new", {"to": BOB}))["go"].removeprefix("#")
            app.phone.send(BOB, "hello")
            await browser.post(f"{there}/name", {"name": "Bob"})
            assert ">Bob<" in (await browser.get("/list")).body.decode()
            await browser.post(f"{there}/name", {"name": " "})
            assert ">Bob<" not in (await browser.get("/list")).body.decode()
            await browser.post(f"{there}/block")
            assert there not in (await browser.get("/list")).body.decode()
            assert "This number is blocked." in (await browser.get(there)).body.decode()
            await browser.post("/unblock", {"number": BOB})
            assert there in (await browser.get("/list")).body.decode()
            assert outcome(await browser.post(f"{there}/delete"))["go"] == "#/"
            assert (await browser.get(there)).status == 409

    run(main())


def test_an_export_has_everything_once_and_in_order(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = outcome(await browser.post("/new", {"to": BOB}))["go"].removeprefix("#")
            for number in range(1203):
                app.phone.send(BOB, f"text {number}")
            answer = await browser.get(f"{there}/export/json")
            assert answer.field("content-disposition") == 'attachment; filename="conversation.json"'
            messages = msgspec.json.decode(answer.body)["messages"]
            assert [message["text"] for message in messages] == [f"text {number}" for number in range(1203)]
            text = (await browser.get(f"{there}/export/text")).body.decode()
            assert text.count("\n") == 1203
            assert "You (sms," in text

    run(main())


def test_there_is_no_safety_number_before_an_encrypted_text(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = outcome(await browser.post("/new", {"to": BOB}))["go"].removeprefix("#")
            assert "There is nothing to compare yet." in (await browser.get(f"{there}/safety")).body.decode()
            answer = await browser.post(f"{there}/safety", {"same": True})
            assert (answer.status, error(answer)) == (
                409,
                "there is nothing to compare yet: send a text by cloud first",
            )

    run(main())


def test_a_fallback_policy_is_set_for_one_conversation_and_taken_back(tmp_path: Path) -> None:
    async def main() -> None:
        async with web_app(tmp_path) as app:
            browser = await app.browser()
            there = outcome(await browser.post("/new", {"to": BOB}))["go"].removeprefix("#")
            assert "As the line has it." in (await browser.get(f"{there}/about")).body.decode()
            given = {"undelivered": "after", "unreachable": "never", "undelivered_after_min": "5"}
            await browser.post(f"{there}/fallback", given)
            page = (await browser.get(f"{there}/about")).body.decode()
            assert 'name="undelivered" value="after" checked' in page
            assert 'name="unreachable" value="never" checked' in page
            await browser.post(f"{there}/fallback", {"undelivered": ""})
            assert 'name="undelivered" value="ask" checked' in (await browser.get(f"{there}/about")).body.decode()

    run(main())


@pytest.mark.parametrize("minutes", ["0", "99999"])
def test_so_many_minutes_cannot_be(minutes: str) -> None:
    with pytest.raises(CommandError, match="minutes"):
        fallback_of(GiveFallback(undelivered="after", undelivered_after_min=minutes))


def test_a_qr_code_has_its_quiet_zone() -> None:
    side, path = qr_path("sayso:safety:1:" + "0" * 60)
    assert side > 21 + 8
    assert path.startswith("M4 4h1v1h-1z")
