# SPDX-License-Identifier: Apache-2.0
"""Instances of the process kind on the real fabric."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hostlift.errors import HostError
from hostlift.host.command import SystemCommands
from hostlift.localcloud.compute.base import Admission, DiskRef, MachineSpec, Metadata, Nic, Power
from hostlift.localcloud.compute.process import ProcessCompute
from hostlift.localcloud.fabric.internet import internet_host
from hostlift.localcloud.fabric.netns import NamespaceFabric
from hostlift.localcloud.images import stock
from hostlift.localcloud.linux import loops
from hostlift.localcloud.linux.processes import Mark

pytestmark = pytest.mark.root

NIC = Nic(
    vpc="vpc-p",
    vswitch="vsw-p",
    mac="00:16:3e:00:01:01",
    private_ip="10.0.0.9",
    prefix=24,
    gateway="10.0.0.253",
    public_ip="203.0.113.9",
)
SERIAL = "bp1abcdefghijklmnopq"
SERVICE = """#!/bin/sh
mkdir -p /etc/hostlift/boot.d /srv/here
cat > /etc/hostlift/boot.d/server <<'END'
#!/bin/sh
cd /srv/here && exec python3 -m http.server 8080
END
chmod +x /etc/hostlift/boot.d/server
curl -sS http://100.100.100.200/latest/meta-data/instance-id > /srv/here/who
echo ran on $(hostname) as $(id -un)
test -e /run/systemd/system || echo without systemd
exec /etc/hostlift/boot.d/server
"""


def spec(user_data: str, *disks: DiskRef) -> MachineSpec:
    return MachineSpec(
        id="i-box",
        hostname="box",
        cpus=1,
        memory_mib=512,
        firmware="bios",
        disks=(DiskRef(id="d-sys", serial="sys", size_gib=1), *disks),
        nic=NIC,
        user_data=user_data.encode(),
    )


class Cloud:
    def __init__(self, folder: Path) -> None:
        self.fabric = NamespaceFabric(folder, "proc")
        self.compute = ProcessCompute(folder, self.fabric)

    def up(self) -> None:
        self.fabric.up(0, lambda _vpc, _ip: Metadata(items={"instance-id": "i-box"}, user_data=b""))
        self.fabric.ensure_vpc(NIC.vpc, "10.0.0.0/8")
        self.fabric.ensure_vswitch(NIC.vpc, NIC.vswitch, "10.0.0.0/24", NIC.gateway)
        self.fabric.plug("i-box", NIC)

    def down(self) -> None:
        self.compute.close()
        self.fabric.down()


@pytest.fixture
def cloud(tmp_path: Path) -> Iterator[Cloud]:
    made = Cloud(tmp_path)
    try:
        made.up()
        made.compute.create_disk("d-sys", 20, source=stock.IMAGE_ID)
        yield made
    finally:
        made.down()


def eventually(what: Callable[[], object], seconds: float = 10) -> None:
    pause = threading.Event()
    for _ in range(int(seconds / 0.05)):
        if what():
            return
        pause.wait(0.05)
    raise AssertionError("it never came true")


def get(space: str, url: str) -> str:
    argv = ["ip", "netns", "exec", space, "curl", "-sS", "--max-time", "0.5", url]
    return SystemCommands().run(argv, timeout=5, check=False).text


def power(cloud: Cloud) -> Power:
    return cloud.compute.power("i-box")


def test_user_data_serves_what_it_learned_once_admitted(cloud: Cloud) -> None:
    """Metadata inside, port 8080 outside after the rule; back by boot.d after stop and start."""
    url = f"http://{NIC.public_ip}:8080/who"
    machine = spec(SERVICE)
    cloud.compute.start(machine)
    cloud.compute.start(machine)
    with internet_host(cloud.fabric, "client", "198.51.100.10") as client:
        eventually(lambda: b"without systemd" in cloud.compute.console("i-box"))
        assert get(client, url) == ""
        cloud.fabric.admit(NIC, (Admission("tcp", 8080, 8080, "198.51.100.10/32"),))
        eventually(lambda: get(client, url) == "i-box")
        cloud.compute.stop("i-box", force=False)
        eventually(lambda: power(cloud) is Power.OFF)
        cloud.compute.start(machine)
        eventually(lambda: get(client, url) == "i-box")
    assert cloud.compute.console("i-box").count(b"ran on box as root") == 1
    cloud.compute.delete("i-box")
    cloud.compute.delete("i-box")
    assert power(cloud) is Power.OFF
    assert cloud.compute.console("i-box") == b""


def test_disks_are_found_by_serial_and_partitioned(cloud: Cloud, tmp_path: Path) -> None:
    """Partition, format and write inside; the snapshot holds it; the devices are freed."""
    script = f"""#!/bin/sh
set -ex
disk=$(readlink -f /dev/disk/by-id/virtio-{SERIAL})
echo 'start=2048' | sfdisk -q --no-reread --no-tell-kernel "$disk"
partx -a "$disk"
mkfs.ext4 -q "${{disk}}p1"
mount "${{disk}}p1" /mnt
echo precious > /mnt/file
for other in /dev/vd? /dev/sd?; do test ! -b "$other"; done
sync
echo all is well
sleep 1000
"""
    cloud.compute.create_disk("d-data", 1)
    assert not cloud.compute.disk_used("d-data")
    cloud.compute.start(spec(script, DiskRef(id="d-data", serial=SERIAL, size_gib=1)))
    eventually(lambda: b"\nall is well" in cloud.compute.console("i-box"))
    assert cloud.compute.disk_used("d-data")
    cloud.compute.snapshot("d-data", "s-running")
    cloud.compute.stop("i-box", force=True)
    cloud.compute.snapshot("d-data", "s-off")
    loop = cloud.compute.console("i-box").decode().partition("disk=/dev/")[2].split()[0]
    assert loops.attached_to(tmp_path / "disks/d-data.raw") == ()
    assert not Path(f"/dev/{loop}p1").exists()
    for number, snapshot in enumerate(("s-running", "s-off")):
        cloud.compute.create_disk(f"d-copy{number}", 2, source=snapshot)
        assert read_back(tmp_path / f"disks/d-copy{number}.raw") == "precious\n"
    cloud.compute.export("s-off", str(tmp_path / "out.qcow2"))
    assert (tmp_path / "out.qcow2").read_bytes()[:4] == b"QFI\xfb"
    cloud.compute.delete_snapshot("s-off")
    with pytest.raises(HostError, match="no such snapshot"):
        cloud.compute.create_disk("d-none", 2, source="s-off")


def read_back(disk: Path) -> str:
    """The file on its first partition, the journal replayed."""
    commands, partition = SystemCommands(), f"{disk}?offset={2048 * 512}"
    commands.run(["e2fsck", "-fy", partition], timeout=60, check=False)
    return commands.run(["debugfs", "-R", "cat /file", partition], timeout=60).text


def test_an_instance_outlives_the_daemon_and_is_judged_right(cloud: Cloud, tmp_path: Path) -> None:
    """A second object over the same folder sees it on, then off after a kill, and can delete it."""
    cloud.compute.start(spec("#!/bin/sh\nexec sleep 1000\n"))
    again = ProcessCompute(tmp_path, cloud.fabric)
    assert again.power("i-box") is Power.ON
    mark = Mark.load(tmp_path / "instances/i-box/process.json")
    assert mark is not None
    os.kill(mark.pid, signal.SIGKILL)
    eventually(lambda: again.power("i-box") is Power.OFF)
    again.start(spec("#!/bin/sh\n"))
    assert cloud.compute.power("i-box") is Power.ON
    again.close()
    assert cloud.compute.power("i-box") is Power.OFF


def test_a_start_that_fails_says_why(cloud: Cloud) -> None:
    """A missing disk is one error and leaves nothing running."""
    with pytest.raises(HostError, match="no such disk"):
        cloud.compute.start(spec("", DiskRef(id="d-missing", serial="x", size_gib=1)))
    assert power(cloud) is Power.OFF


def test_a_disk_grows_under_a_running_instance_and_a_snapshot_is_copied(
    cloud: Cloud, tmp_path: Path
) -> None:
    """The guest's device is larger at once; a copy holds the bytes when its source is gone."""
    cloud.compute.create_disk("d-sys", 1)
    cloud.compute.create_disk("d-data", 1)
    grow = f"blockdev --getsize64 /dev/disk/by-id/virtio-{SERIAL}"
    script = f"#!/bin/sh\nuntil [ $({grow}) = 2147483648 ]; do sleep 0.1; done\necho has grown\n"
    cloud.compute.start(spec(script, DiskRef(id="d-data", serial=SERIAL, size_gib=1)))
    cloud.compute.resize_disk("d-data", 2)
    eventually(lambda: b"has grown" in cloud.compute.console("i-box"))
    assert not cloud.compute.disk_used("d-data")
    cloud.compute.stop("i-box", force=True)
    disk = tmp_path / "disks" / "d-data.raw"
    with disk.open("r+b") as file:
        file.write(b"here")
    cloud.compute.snapshot("d-data", "s-1")
    cloud.compute.copy_snapshot("s-1", "s-2")
    cloud.compute.copy_snapshot("s-1", "s-2")
    cloud.compute.delete_snapshot("s-1")
    cloud.compute.create_disk("d-new", 3, source="s-2")
    with (tmp_path / "disks" / "d-new.raw").open("rb") as file:
        assert file.read(4) == b"here"


def test_disks_come_and_go_while_an_instance_runs(cloud: Cloud, tmp_path: Path) -> None:
    """By serial at once, written to, let go of, back; what is mounted inside stays."""
    link = f"/dev/disk/by-id/virtio-{SERIAL}"
    script = f"""#!/bin/sh
until test -b {link}; do sleep 0.1; done
mkfs.ext4 -q {link}
mount {link} /mnt
echo precious > /mnt/file
echo in use
until test -e /run/let-go; do sleep 0.1; done
umount /mnt
while test -e {link}; do sleep 0.1; done
echo it is gone
until test -b {link}; do sleep 0.1; done
mount {link} /mnt
echo back with $(cat /mnt/file)
sleep 1000
"""
    late = DiskRef(id="d-late", serial=SERIAL, size_gib=1)
    cloud.compute.create_disk("d-late", 1)
    cloud.compute.attach_disk("i-box", late)
    cloud.compute.start(spec(script))
    cloud.compute.attach_disk("i-box", late)
    cloud.compute.attach_disk("i-box", late)
    eventually(lambda: b"\nin use" in cloud.compute.console("i-box"))
    assert cloud.compute.disk_used("d-late")
    again = ProcessCompute(tmp_path, cloud.fabric)
    assert not again.detach_disk("i-box", "d-late")
    mark = Mark.load(tmp_path / "instances/i-box/process.json")
    assert mark is not None
    Path(f"/proc/{mark.pid}/root/run/let-go").touch()
    eventually(lambda: again.detach_disk("i-box", "d-late"))
    eventually(lambda: b"\nit is gone" in cloud.compute.console("i-box"))
    again.attach_disk("i-box", late)
    eventually(lambda: b"\nback with precious" in cloud.compute.console("i-box"))
    cloud.compute.stop("i-box", force=True)
    assert cloud.compute.detach_disk("i-box", "d-late")
    eventually(lambda: loops.attached_to(tmp_path / "disks/d-late.raw") == ())
