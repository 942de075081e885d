"""Commands about webhooks: list, retry."""

from dataclasses import asdict
from typing import Annotated, Any

import typer

from chalicelib.cli.context import escape, house, out, print_json
from chalicelib.cli.draft_commands import Json
from chalicelib.content.webhooks import Webhook
from chalicelib.deliver.hook_states import HookState, HookStates
from chalicelib.deliver.signatures import signing_secret
from chalicelib.errors import NotFoundError
from chalicelib.runtime import Runtime

app = typer.Typer(help="Other programs that are told what happens.", no_args_is_help=True)
_SHOWN = ("told", "last", "failures", "error", "next_try", "given_up")


@app.command("list")
def list_(json: Json = False) -> None:
    """Each webhook with its signing secret, how it is doing, and what was given up. Exits 1 where one is failing."""
    with house() as runtime:
        rows = [_row(runtime, hook) for hook in runtime.site.webhooks]
        if json:
            print_json({"webhooks": rows})
        for row in [] if json else rows:
            _show(row)
        if not rows and not json:
            out.print("site.yaml names no webhooks.")
        if any(row["failures"] or row["given_up"] for row in rows):
            raise typer.Exit(1)


@app.command()
def retry(url: Annotated[str, typer.Argument(help="The address, as 'webhooks list' shows it.")]) -> None:
    """Tell a webhook again, at the next tick: what was given up, and what was told since then once more."""
    with house() as runtime:
        if url not in {hook.url for hook in runtime.site.webhooks}:
            raise NotFoundError("There is no such webhook in site.yaml.", "'sendbrief webhooks list' names all.")
        state = HookStates(runtime.table).retry(url)
        out.print("It is told at the next tick." if state else "Nothing was tried yet; it begins with the next tick.")


def _row(runtime: Runtime, hook: Webhook) -> dict[str, Any]:
    state = HookStates(runtime.table).get(hook.url)
    shown = asdict(state or HookState(""))
    return {
        "url": hook.url,
        "events": sorted(map(str, hook.events)),
        "secret": signing_secret(runtime.secrets, hook.url),
        "state": _words(state),
        **{name: shown[name] for name in _SHOWN},
    }


def _words(state: HookState | None) -> str:
    if state is None:
        return "not looked at yet"
    return "failing" if state.failures else "well"


def _show(row: dict[str, Any]) -> None:
    out.print(f"[bold]{escape(row['url'])}[/]: {row['state']}, told {row['told']} times")
    out.print(f"  events {', '.join(row['events'])}; secret {row['secret']}")
    if row["failures"]:
        error = escape(row["error"])
        out.print(f"  [yellow]{error}[/] ({row['failures']} times; tried again {row['next_try'][:16]} UTC)")
    if row["given_up"]:
        out.print(f"  [red]{row['given_up']} happenings were given up.[/] 'sendbrief webhooks retry' tells them again.")
