# SPDX-License-Identifier: Apache-2.0
"""Whom a freeze holds still, on a drawn machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from hostlift.replicate.freezing.processes import ProcessId
from hostlift.replicate.freezing.writers import Hierarchies, Writers, hierarchies, writers

US = 500


class Machine:
    """A /proc and a control group tree."""

    def __init__(self, root: Path) -> None:
        self.proc = root / "proc"
        self.groups = root / "cgroup"
        self.freezer = root / "freezer"
        self.proc.mkdir()
        self.group("")

    def group(self, path: str) -> Path:
        folder = self.groups
        folder.mkdir(exist_ok=True)
        (folder / "cgroup.procs").touch()
        for part in filter(None, path.split("/")):
            folder /= part
            folder.mkdir(exist_ok=True)
            (folder / "cgroup.procs").touch()
            if not (folder / "cgroup.freeze").exists():
                (folder / "cgroup.freeze").write_text("0\n")
        return folder

    def runs(
        self,
        pid: int,
        name: str,
        group: str = "",
        *,
        parent: int = 1,
        session: int = 0,
        state: str = "S",
        flags: int = 0,
        namespace: str = "pid:[1]",
    ) -> None:
        folder = self.proc / str(pid)
        (folder / "ns").mkdir(parents=True)
        (folder / "ns" / "pid").symlink_to(namespace)
        fields = [state, parent, 0, session or pid, 0, 0, flags] + [0] * 12 + [pid * 10] + [0] * 5
        (folder / "stat").write_text(f"{pid} ({name}) " + " ".join(map(str, fields)))
        with (self.group(group) / "cgroup.procs").open("a") as file:
            file.write(f"{pid}\n")
        if pid == US:
            (self.proc / "self").symlink_to(str(pid))

    def container(self, path: str, *pids: int, state: str = "THAWED") -> Path:
        """A group of the older freezer with these processes."""
        group = self.freezer
        for part in ("", *path.split("/")):
            group /= part
            group.mkdir(exist_ok=True)
            if part:
                (group / "freezer.state").write_text("THAWED\n")
            (group / "cgroup.procs").touch()
        (group / "freezer.state").write_text(f"{state}\n")
        (group / "cgroup.procs").write_text("".join(f"{pid}\n" for pid in pids))
        return group

    def writers(self) -> Writers:
        return writers(Hierarchies(self.groups), us=US, proc=self.proc)

    def chosen(self) -> tuple[set[str], set[int]]:
        found = self.writers()
        return {str(g.relative_to(self.groups)) for g in found.groups}, {
            p.pid for p in found.processes
        }


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    drawn = Machine(tmp_path)
    drawn.runs(1, "systemd", "init.scope", parent=0)
    drawn.runs(2, "kthreadd", parent=0, flags=0x200000)
    drawn.runs(40, "sshd", "system.slice/ssh.service")
    drawn.runs(41, "sshd", "user.slice/user-0.slice/session-1.scope", parent=40)
    drawn.runs(42, "bash", "user.slice/user-0.slice/session-1.scope", parent=41)
    drawn.runs(US, "hostlift", "user.slice/user-0.slice/session-1.scope", parent=42, session=42)
    drawn.runs(501, "tee", "user.slice/user-0.slice/session-1.scope", parent=42, session=42)
    drawn.runs(502, "python3", "user.slice/user-0.slice/session-1.scope", parent=US)
    drawn.runs(60, "postgres", "system.slice/postgresql.service")
    drawn.runs(61, "postgres", "system.slice/postgresql.service", parent=60)
    drawn.runs(70, "systemd-journal", "system.slice/systemd-journald.service")
    return drawn


def test_services_are_frozen_whole_and_the_machine_stays_reachable(machine: Machine) -> None:
    """The database's group; not init, sshd, the journal, our session, the kernel."""
    assert machine.chosen() == ({"system.slice/postgresql.service"}, set())


def test_another_users_session_is_frozen_even_his_sshd(machine: Machine) -> None:
    """Only what keeps the machine reachable is spared, not every login."""
    machine.runs(90, "sshd", "user.slice/user-7.slice/session-9.scope", parent=40)
    machine.runs(91, "systemd", "user.slice/user-7.slice/user@7.service")
    assert machine.chosen()[0] == {"system.slice/postgresql.service", "user.slice/user-7.slice"}


def test_a_stranger_in_our_group_is_stopped_alone(machine: Machine) -> None:
    """A background job of our login, in a session of its own."""
    machine.runs(80, "job", "user.slice/user-0.slice/session-1.scope")
    machine.runs(81, "job", "user.slice/user-0.slice/session-1.scope", state="T")
    assert machine.writers().processes == (ProcessId(80, 800),)


def test_a_container_is_frozen_with_its_own_init_and_sshd(machine: Machine) -> None:
    """Names spare only processes of this machine's own namespace."""
    machine.runs(95, "systemd", "system.slice/docker-1.scope", namespace="pid:[2]")
    machine.runs(96, "sshd", "system.slice/docker-1.scope", namespace="pid:[2]")
    assert "system.slice/docker-1.scope" in machine.chosen()[0]


def test_what_somebody_else_froze_is_left_to_him(machine: Machine) -> None:
    """A paused container must not go on when we thaw."""
    machine.runs(95, "app", "system.slice/paused.scope")
    (machine.groups / "system.slice/paused.scope/cgroup.freeze").write_text("1\n")
    assert "system.slice/paused.scope" not in machine.chosen()[0]


def test_without_a_unified_hierarchy_processes_are_stopped(machine: Machine) -> None:
    """All but the spared ones."""
    found = writers(Hierarchies(None), us=US, proc=machine.proc)
    assert found.groups == ()
    assert {p.pid for p in found.processes} == {60, 61}


def test_the_older_freezer_holds_containers_whole(machine: Machine) -> None:
    """The rest, which has no group there, is stopped one by one; a paused one is not touched."""
    machine.runs(95, "systemd", namespace="pid:[2]")
    machine.runs(96, "app", namespace="pid:[3]")
    group = machine.container("docker/abc", 95)
    machine.container("paused", 96, state="FROZEN")
    found = writers(Hierarchies(None, machine.freezer), us=US, proc=machine.proc)
    assert found.groups == (group.parent,)
    assert {p.pid for p in found.processes} == {60, 61}


def test_the_older_freezer_is_left_out_where_the_unified_one_reaches(machine: Machine) -> None:
    """Nobody is frozen twice, and nobody who shares his container with us is."""
    machine.runs(80, "job", "user.slice/user-0.slice/session-1.scope")
    machine.container("docker/database", 60, 61)
    machine.container("lxc/ours", 80, US)
    found = writers(Hierarchies(machine.groups, machine.freezer), us=US, proc=machine.proc)
    assert [g.name for g in found.groups] == ["postgresql.service"]
    assert [p.pid for p in found.processes] == [80]


def test_a_machine_may_have_both_kinds_of_control_groups(tmp_path: Path) -> None:
    """By the table of mounts, as a hybrid set-up of systemd has it."""
    table = tmp_path / "mountinfo"
    line = "{} 25 0:{} / {} rw,nosuid - {} {} rw{}\n"
    table.write_text(
        line.format(30, 30, "/sys/fs/cgroup/unified", "cgroup2", "cgroup2", "")
        + line.format(31, 31, "/sys/fs/cgroup/memory", "cgroup", "cgroup", ",memory")
        + line.format(32, 32, "/sys/fs/cgroup/freezer", "cgroup", "cgroup", ",freezer")
    )
    assert hierarchies(str(table)) == Hierarchies(
        Path("/sys/fs/cgroup/unified"), Path("/sys/fs/cgroup/freezer")
    )
    table.write_text(line.format(33, 33, "/mnt/windows", "fuseblk", "/dev/sdb1", ""))
    assert hierarchies(str(table)) == Hierarchies(None, served=True)


def test_a_program_that_is_a_file_system_goes_on(machine: Machine) -> None:
    """We read what it serves; looked for only where such a thing is mounted."""
    machine.runs(90, "ntfs-3g", "system.slice/windows.service")
    machine.runs(91, "helper", "system.slice/windows.service")
    folder = machine.proc / "90" / "fd"
    folder.mkdir()
    (folder / "4").symlink_to("/dev/fuse")
    found = writers(Hierarchies(machine.groups, served=True), us=US, proc=machine.proc)
    assert [g.name for g in found.groups] == ["postgresql.service"]
    assert [p.pid for p in found.processes] == [91]
    assert "system.slice/windows.service" in machine.chosen()[0]


@pytest.mark.parametrize(
    "group",
    [
        "docker/4e1243",
        "machine.slice/libpod-4e1243.scope/container",
        "kubepods.slice/kubepods-pod7.slice/cri-containerd-4e1243.scope",
        "lxc.payload.web",
    ],
)
def test_containers_are_control_groups_like_any_other(machine: Machine, group: str) -> None:
    """Docker with either driver, Podman, Kubernetes, LXC: frozen whole, with no word to any of them."""
    machine.runs(95, "bash", group, namespace="pid:[2]")
    machine.runs(96, "systemd", group, namespace="pid:[2]", parent=95)
    assert group.partition("/")[0] in machine.chosen()[0]
