# SPDX-License-Identifier: Apache-2.0
"""``hostlift cloud``: the embedded cloud to rehearse on.

The cloud is imported by the commands that need it: every start of ``hostlift`` on a slow source
would pay seconds for it.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from hostlift.cli.terminal import confirmed, emit, errors, say
from hostlift.errors import ConfigError

app = typer.Typer(
    help="The embedded cloud: ECS, VPC and STS on this machine.", no_args_is_help=True
)


images = typer.Typer(help="Public images, built on this machine.", no_args_is_help=True)
faults = typer.Typer(help="Failures to rehearse, while the cloud runs.", no_args_is_help=True)
users = typer.Typer(help="RAM users, with policies that are enforced.", no_args_is_help=True)
app.add_typer(images, name="images")
app.add_typer(faults, name="fault")
app.add_typer(users, name="user")


def _default_folder() -> Path:
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "hostlift" / "cloud"


Folder = Annotated[
    Path, typer.Option("--folder", default_factory=_default_folder, help="Where the cloud lives.")
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
def up(
    folder: Folder,
    compute: Annotated[
        str, typer.Option(help="What instances are: qemu, process or paper.")
    ] = "qemu",
    port: Annotated[
        int, typer.Option(help="Port of the endpoint on loopback; 0 picks one.")
    ] = 18801,
    as_json: Json = False,
) -> None:
    """Start it; prints the endpoint and an AccessKey."""
    from hostlift.localcloud import daemon

    with errors():
        info = daemon.up(folder, compute, port)
    _show(asdict(info), as_json=as_json)


@app.command()
def down(folder: Folder) -> None:
    """Stop it; everything in it is kept."""
    from hostlift.localcloud import daemon

    with errors():
        daemon.down(folder)


@app.command()
def ls(folder: Folder, as_json: Json = False) -> None:
    """What exists in it."""
    from hostlift.localcloud import daemon

    with errors():
        listing = daemon.listing(folder)
    if as_json:
        emit(listing)
        return
    for kind, rows in listing.items():
        for row in rows:
            say("  ".join([f"{kind:15}", *(str(v) for v in row.values())]))


@app.command()
def export(
    folder: Folder,
    image: Annotated[str, typer.Argument(help="An image id (m-…).")],
    target: Annotated[Path, typer.Argument(help="A folder for one qcow2 file a disk.")],
) -> None:
    """Write the disks of an image as stand-alone qcow2 files."""
    from hostlift.localcloud import daemon

    with errors():
        written = daemon.export_image(folder, image, target)
    say(*(str(path) for path in written))


@app.command()
def log(
    folder: Folder,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Wait for more.")] = False,
    action: Annotated[str, typer.Option(help="Only these actions; * is a wildcard.")] = "",
    failed: Annotated[
        bool, typer.Option("--failed", help="Only refused calls, lost answers and troubles.")
    ] = False,
    as_json: Json = False,
) -> None:
    """What was asked of it, and what it answered; secrets are blotted out."""
    from hostlift.localcloud.requestlog import Wanted, read_log

    with errors():
        for line in read_log(folder, Wanted(action, failed), follow=follow):
            if as_json:
                emit(line)
            else:
                say(_log_line(line))


@app.command()
def bill(folder: Folder, as_json: Json = False) -> None:
    """What each account has left, has spent, and pays an hour; all as of now."""
    from hostlift.localcloud import daemon

    with errors():
        rows = daemon.bill(folder)
    if as_json:
        emit(rows)
        return
    for row in rows:
        say("  ".join(f"{key}={value}" for key, value in row.items()))


@app.command()
def configure(
    folder: Folder,
    file: Annotated[Path, typer.Argument(help="settings.json: accounts, quotas, stock, pace.")],
) -> None:
    """Take other settings, at once and for later starts."""
    from hostlift.localcloud import config, control

    with errors():
        try:
            text = file.read_bytes()
        except OSError as error:
            raise ConfigError(f"cannot be read: {error.strerror}", subject=str(file)) from error
        control.change_settings(folder, config.read(text, str(file)))


@app.command()
def join(
    folder: Folder,
    vpc: Annotated[str, typer.Argument(help="A private network (vpc-…).")],
    namespace: Annotated[str, typer.Argument(help="The network namespace that is the machine.")],
    address: Annotated[str, typer.Argument(help="Its own address, such as 192.168.77.10/24.")],
) -> None:
    """Join a machine on premises to a private network, as a VPN would; prints the link's id."""
    from hostlift.localcloud import control

    with errors():
        say(control.join_site(folder, vpc, namespace, address))


@app.command()
def part(folder: Folder, link: Annotated[str, typer.Argument(help="A link (vpn-…).")]) -> None:
    """Cut the link of a machine on premises."""
    from hostlift.localcloud import control

    with errors():
        control.part_site(folder, link)


@faults.command("add")
def fault_add(
    folder: Folder,
    kind: Annotated[str, typer.Argument(help="A kind: see 'hostlift cloud fault kinds'.")],
    wishes: Annotated[
        list[str] | None,
        typer.Argument(
            help="key=value: action, account, call, nth, times, chance, code, message, status,"
            " seconds, instance. For example action=RunInstances times=3.",
            metavar="KEY=VALUE...",
        ),
    ] = None,
) -> None:
    """Arm a fault."""
    from hostlift.localcloud import control

    with errors():
        pairs = [(key, value) for key, _, value in (w.partition("=") for w in wishes or [])]
        control.add_fault(folder, control.read_fault({"kind": kind, **dict(pairs)}))


@faults.command("ls")
def fault_ls(folder: Folder, as_json: Json = False) -> None:
    """What is armed, and how often it struck."""
    from hostlift.localcloud import control

    with errors():
        found = control.faults(folder)
    if as_json:
        emit(found)
        return
    say(f"{found['calls']} calls so far")
    for one in found["faults"]:
        say("  ".join(f"{key}={value}" for key, value in one.items()))


@faults.command("clear")
def fault_clear(folder: Folder) -> None:
    """Disarm all of them."""
    from hostlift.localcloud import control

    with errors():
        control.clear_faults(folder)


@faults.command("kinds")
def fault_kinds() -> None:
    """Every kind there is."""
    from hostlift.localcloud.faults.kinds import NATURES

    for kind, nature in NATURES.items():
        say(f"{kind.value:18} {nature.meaning}")


@faults.command("strike")
def fault_strike(
    folder: Folder,
    kind: Annotated[str, typer.Argument(help="instance-killed or instance-deleted.")],
    instance: Annotated[str, typer.Argument(help="Id or name.")],
) -> None:
    """Kill or release an instance now."""
    from hostlift.localcloud import control

    with errors():
        say(control.strike(folder, kind, instance))


@users.command("add")
def user_add(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="The user's name.")],
    policy: Annotated[
        list[str] | None,
        typer.Option(help="Name of a system policy, or file of a policy document."),
    ] = None,
    account: Annotated[str, typer.Option(help="Whose user it is.")] = "main",
    as_json: Json = False,
) -> None:
    """Make a RAM user, or give one other policies; prints its AccessKey. The cloud must be up."""
    from hostlift.localcloud import control

    with errors():
        pair = control.put_user(folder, account, name, policy or [])
    _show(asdict(pair), as_json=as_json)


@users.command("ls")
def user_ls(folder: Folder) -> None:
    """Accounts, their users and what is attached to them."""
    from hostlift.localcloud import config

    with errors():
        settings = config.load(folder)
    for account in settings.all_accounts:
        say(account.name)
        for user in account.users:
            names = [p if isinstance(p, str) else "a document" for p in user.policies]
            say(f"  {user.name:20} {', '.join(names)}")


@users.command("rm")
def user_rm(
    folder: Folder,
    name: Annotated[str, typer.Argument(help="The user's name.")],
    account: Annotated[str, typer.Option(help="Whose user it is.")] = "main",
) -> None:
    """Drop a RAM user; its AccessKey is known no more."""
    from hostlift.localcloud import control

    with errors():
        control.drop_user(folder, account, name)


@images.command("build")
def images_build() -> None:
    """Build the public image into the cache folder, unless it is there."""
    from hostlift.localcloud.images import stock

    with errors():
        built = stock.build(lambda line: say(line, to_stderr=True))
    say(f"{built.name}: {built.disk}")


@app.command()
def coverage() -> None:
    """Print every action and parameter it understands, as Markdown."""
    from hostlift.localcloud.coverage import page

    say(page().rstrip("\n"))


@app.command()
def reset(
    folder: Folder, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Wipe it: instances, disks, images, account."""
    from hostlift.localcloud import daemon

    if not (yes or confirmed("Wipe the embedded cloud?")):
        raise typer.Exit(4)
    with errors():
        daemon.reset(folder)


def _log_line(line: dict[str, object]) -> str:
    if "trouble" in line:
        return f"{line['at']}  {line['job']}: {line['trouble']}"
    outcome = "no answer" if line.get("lost") else line["code"] or line["status"]
    struck = (
        f"  [{', '.join(map(str, found))}]" if isinstance(found := line.get("faults"), list) else ""
    )
    who = f"{line['account']}:{line['caller']}" if line["account"] else "nobody"
    return f"{line['at']}  {line['ms']:>8} ms  {who}  {line['action']}  {outcome}{struck}"


def _show(data: dict[str, object], *, as_json: bool) -> None:
    if as_json:
        emit(data)
        return
    for key, value in data.items():
        say(f"{key:20} {value}")
