"""`sayso phone`: a phone's daemon, and the commands that ask it. Each is loaded when it is used."""

from typing import Final

import click

from sayso.cli.lazy import LazyReportingGroup, Place

PLACES: Final = {
    "run": Place("sayso.cli.phone_run", "run_phone", "Run a phone's daemon until SIGTERM."),
    "status": Place(
        "sayso.cli.phone_consent", "status", "Show the phone's lines: what is on, what is off, what stands in the way."
    ),
    "policy": Place("sayso.cli.phone_consent", "policy", "Show the policy that opting in agrees to."),
    "opt-in": Place("sayso.cli.phone_consent", "opt_in", "Say yes to cloud messaging for one line."),
    "code": Place(
        "sayso.cli.phone_consent", "code", "Give the code from the SMS, where the phone could not read it itself."
    ),
    "agree": Place(
        "sayso.cli.phone_data",
        "agree",
        "Say yes to the policy anew, after the server's has changed; the line was silent since then.",
    ),
    "opt-out": Place(
        "sayso.cli.phone_consent",
        "opt_out",
        "Say no: the phone is silent at once, the server erases, texts go by SMS again.",
    ),
    "findable": Place(
        "sayso.cli.phone_data",
        "findable",
        "Say who may find a line that is on: everyone who has its number, or nobody until it writes first.",
    ),
    "send": Place("sayso.cli.phone_texts", "send", "Send a text: by cloud if both sides said yes, else by SMS."),
    "messages": Place("sayso.cli.phone_texts", "messages", "Show the newest messages."),
    "next": Place(
        "sayso.cli.phone_fallback", "next_text", "Show by which line and channel the next text to a number would go."
    ),
    "send-as-sms": Place(
        "sayso.cli.phone_texts",
        "send_as_sms",
        "Send a text that waits, or failed, by SMS after all: unencrypted, by your decision.",
    ),
    "cancel": Place("sayso.cli.phone_fallback", "cancel", "Take a text back before it is delivered."),
    "fallback": Place(
        "sayso.cli.phone_fallback",
        "fallback",
        "Show, or choose, when a text that does not arrive by cloud goes by SMS, unencrypted.",
    ),
    "sim": Place("sayso.cli.phone_fallback", "sim", "Say what the SIM is that was put in place of a line's own."),
    "open": Place("sayso.cli.phone_web", "open_app", "Open Messages in the browser."),
    "lock": Place(
        "sayso.cli.phone_lock",
        "lock",
        "Lock the web app; with a command below: the registration lock, who waits for a number and how long.",
    ),
    "pin": Place(
        "sayso.cli.phone_lock", "pin", "The PIN that protects a line's number against a stolen or copied SIM."
    ),
    "me": Place("sayso.cli.phone_data", "me", "Ask the server for everything it holds of a line, and show it."),
    "receipts": Place(
        "sayso.cli.phone_data", "receipts", "Show the consents given on this phone, with the server's receipts."
    ),
    "export": Place(
        "sayso.cli.phone_data", "export", "Write all that concerns a line's cloud messaging into one JSON file."
    ),
    "modems": Place("sayso.cli.phone_modems", "modems", "List the modems that this machine could text with."),
    "sms-parts": Place("sayso.cli.phone_modems", "sms_parts", "Tell in how many parts a text would go by SMS."),
}


@click.group(cls=LazyReportingGroup, places=PLACES, extra="phone")
def phone() -> None:
    """Run a phone, and text with it."""
