"""`sayso phone agree`, `findable`, `me`, `receipts`, `export`: a person's own consents, and what is held of them."""

from pathlib import Path

import click

from sayso.cli.output import data_option, json_option, tell_json
from sayso.cli.own_data import Export, describe_proof, holdings_words, write_new
from sayso.cli.phone_asking import ask, line_option
from sayso.consent.policy import current_policy
from sayso.consent.proofs import Proofs
from sayso.phone import command_types as types

_fresh_file = click.Path(path_type=Path, dir_okay=False)


@click.command()
@data_option("phone")
@line_option
@json_option
def agree(data: Path, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Say yes to the policy anew, after the server's has changed; the line was silent since then.

    What you agree to stands in `sayso phone policy`. Number and keys stay, and no code is sent.

    \b
    Example:
        sayso phone policy && sayso phone agree --data ./alice
    """
    command = types.Agree(line=line, policy_sha256=current_policy().sha256.hex(), method="command-line")
    answer = ask(data, command, types.Done)
    if as_json:
        tell_json(answer)
    else:
        click.echo("Agreed; the line is on again.")


@click.command()
@data_option("phone")
@click.argument("who", type=click.Choice(["everyone", "nobody"]))
@line_option
@json_option
def findable(data: Path, who: str, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Say who may find a line that is on: everyone who has its number, or nobody until it writes first.

    It is part of what you said yes to, so that this signs a consent of its own; nothing else changes.

    \b
    Example:
        sayso phone findable --data ./alice nobody
    """
    command = types.SetFindable(
        line=line, findable="everyone" if who == "everyone" else "nobody", method="command-line"
    )
    answer = ask(data, command, types.Done)
    if as_json:
        tell_json(answer)
    elif who == "everyone":
        click.echo("Everyone who has the number may find it, four hours from now at the latest.")
    else:
        click.echo("Nobody finds it until it writes first. Whoever knew it before, or has its grant, still does.")


@click.command()
@data_option("phone")
@line_option
@json_option
def me(data: Path, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Ask the server for everything it holds of a line, and show it.

    \b
    Example:
        sayso phone me --data ./alice
    """
    answer = ask(data, types.Me(line=line), types.Held)
    if as_json:
        tell_json(answer)
        return
    click.echo(f"{answer.line}: the server holds this, and nothing else.")
    for name, value in holdings_words(answer.held):
        click.echo(f"  {name}: {value}")


@click.command()
@data_option("phone")
@click.option("--export", "to", type=_fresh_file, help="Write them to this new file, for `sayso receipt verify`.")
@line_option
@json_option
def receipts(data: Path, to: Path | None, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Show the consents given on this phone, with the server's receipts. Looking causes no traffic.

    \b
    Example:
        sayso phone receipts --data ./alice --export receipts.json
    """
    answer = ask(data, types.Receipts(line=line), types.ReceiptList)
    if to is not None:
        write_new(to, Proofs(proofs=answer.proofs, schema_version="sayso-proofs-1"))
    if as_json:
        tell_json(answer)
        return
    for proof in answer.proofs:
        click.echo(describe_proof(proof))
    if answer.unanswered:
        click.echo(f"{answer.unanswered} more consents that no server signed for: the enrolment did not come about.")
    if to is not None:
        click.echo(f"Written to {to}. Anybody can check it: sayso receipt verify {to}")


@click.command()
@data_option("phone")
@click.option("--to", type=_fresh_file, required=True, help="The new file.")
@line_option
@json_option
def export(data: Path, to: Path, line: str | None, as_json: bool) -> None:  # noqa: FBT001  a flag
    """Write all that concerns a line's cloud messaging into one JSON file.

    What the server holds (asked for now, if the line is on), the receipts, and every connection that was made. The file
    is for its owner only; `sayso receipt verify` reads its receipts.

    \b
    Example:
        sayso phone export --data ./alice --to alice.json
    """
    proofs = ask(data, types.Receipts(line=line), types.ReceiptList)
    connections = ask(
        data, types.Connections(line=line, limit=types.CONNECTIONS_AT_ONCE), types.ConnectionList
    ).connections
    lines = [one for one in ask(data, types.Status(), types.StatusReport).lines if line in {None, one.name}]
    held = [ask(data, types.Me(line=one.name), types.Held) for one in lines if one.state in {"on", "policy-changed"}]
    write_new(to, Export(proofs=proofs.proofs, schema_version="sayso-proofs-1", held=held, connections=connections))
    if as_json:
        tell_json({"event": "exported", "file": str(to)})
    else:
        click.echo(
            f"Written to {to}: what the server holds of {len(held)} lines, {len(proofs.proofs)} receipts, "
            f"{len(connections)} connections."
        )
