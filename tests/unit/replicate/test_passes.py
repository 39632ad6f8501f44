# SPDX-License-Identifier: Apache-2.0
"""What a pass promises, one at a time; the property ring throws everything together."""

from __future__ import annotations

import os
import shutil
import socket
import ssl
import struct
import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from fakes.replication import CutLink, Rig, only_once, rig
from fakes.trees import look

from hostlift.errors import AgentUnreachable, Interrupted, ReplicationError
from hostlift.replicate.passes import PassReport
from hostlift.replicate.reread import reread
from hostlift.replicate.source import RESERVED, TreeRoot
from hostlift.replicate.wire import Link

MIB = 1 << 20


@pytest.fixture
def it(tmp_path: Path) -> Rig:
    return rig(tmp_path)


def settle(it: Rig) -> PassReport:
    """Passes until nothing is left that could have changed unseen."""
    for _ in range(100):
        report = it.run()
        if report.unsettled == 0:
            return report
    raise AssertionError("never settles")


def test_a_second_pass_reads_and_sends_nothing(it: Rig) -> None:
    """Not even a connection is made."""
    (it.source / "f").write_bytes(b"x" * 100_000)
    settle(it)
    report = it.run()
    assert (report.files, report.bytes_read, report.bytes_sent) == (0, 0, 0)


def test_new_files_keep_nothing_that_their_directories_hand_down(it: Rig) -> None:
    """Neither the first nor the later ones of a directory, whatever it hands down."""
    everybody, owner, someone = 0xFFFFFFFF, 1, 1234
    acl = struct.pack("<I", 2) + b"".join(
        struct.pack("<HHI", *rule)
        for rule in [
            (owner, 6, everybody),
            (2, 4, someone),
            (4, 4, everybody),
            (16, 4, everybody),
            (32, 0, everybody),
        ]
    )
    for name in ("acl", "group", "plain"):
        (it.source / name).mkdir()
    os.setxattr(it.source / "acl", "system.posix_acl_default", acl)
    os.chown(it.source / "group", -1, os.getgid())
    (it.source / "group").chmod(0o2755)
    settle(it)
    for name in ("plain", "acl", "group"):
        for index in range(4):
            path = it.source / name / f"{index}"
            path.write_bytes(b"x" * index)
            if name == "acl" and index != 2:
                os.removexattr(path, "system.posix_acl_access")
            path.chmod((0o640, 0o4755, 0o600, 0o444)[index])
        os.setxattr(it.source / name / "1", "user.one", b"1")
    it.run()  # one pass only: what is sent again replaces, and inherits from elsewhere
    assert look(it.source) == look(it.target)


def test_what_was_acknowledged_is_not_sent_again_after_a_cut(it: Rig) -> None:
    """A pass that dies in the middle of a large file: the next one sends the rest."""
    (it.source / "big").write_bytes(os.urandom(24 * MIB))
    it.options = replace(it.options, patience=0.0, window=2 * MIB, streams=1)
    it.wrap = only_once(lambda sock: CutLink(sock, 16 * MIB))
    with pytest.raises(AgentUnreachable):
        it.run()
    it.wrap = None
    report = it.run()
    assert report.bytes_sent < 14 * MIB
    assert report.bytes_read == 24 * MIB
    assert look(it.source) == look(it.target)


def test_only_changed_chunks_of_a_large_file_travel(it: Rig) -> None:
    """In place: the target's inode stays, one chunk is sent."""
    path = it.source / "big"
    path.write_bytes(os.urandom(20 * MIB))
    settle(it)
    inode = (it.target / "big").stat().st_ino
    with path.open("r+b") as file:
        file.seek(7 * MIB + 5)
        file.write(b"changed")
    report = it.run()
    assert report.bytes_sent < MIB + 10_000
    assert (it.target / "big").stat().st_ino == inode
    assert look(it.source) == look(it.target)


def test_a_change_within_the_same_second_and_size_is_seen(it: Rig) -> None:
    """The change time in nanoseconds tells, not the mtime, which is even put back here."""
    path = it.source / "f"
    path.write_bytes(b"one")
    settle(it)
    st = path.stat()
    path.write_bytes(b"two")
    os.utime(path, ns=(st.st_atime_ns, st.st_mtime_ns))
    it.run()
    assert (it.target / "f").read_bytes() == b"two"


def test_a_chunk_reverted_after_a_lost_acknowledgement_is_not_believed(it: Rig) -> None:
    """What the source holds again is what was acknowledged first, but the target got the other."""
    path = it.source / "big"
    old = os.urandom(9 * MIB)
    path.write_bytes(old)
    settle(it)
    path.write_bytes(b"n" * MIB + old[MIB:])
    it.options = replace(it.options, patience=0.0, streams=1, level=0)

    class Deaf(CutLink):
        """Sends everything, hears nothing after the welcome."""

        heard = False

        def recv_into(self, buffer: bytearray | memoryview) -> int:
            got = super().recv_into(buffer)
            if self.heard:  # an acknowledgement: all that came before it was applied
                self._spend(10**9)
            self.heard = True
            return got

    it.wrap = only_once(lambda sock: Deaf(sock, 10**9))
    with pytest.raises(AgentUnreachable):
        it.run()
    it.wrap = None
    path.write_bytes(old)
    it.run()
    assert (it.target / "big").read_bytes() == old


def test_a_file_that_never_was_acknowledged_is_removed_when_it_goes(it: Rig) -> None:
    """It reached the target, the acknowledgement did not reach us, then the source deleted it."""
    (it.source / "gone").write_bytes(b"g" * 1000)
    it.options = replace(it.options, patience=0.0, streams=1, level=0)
    it.wrap = only_once(lambda sock: CutLink(sock, 900))
    with pytest.raises(AgentUnreachable):
        it.run()
    (it.target / "gone").write_bytes(b"g")  # as if it had arrived just before the cut
    (it.source / "gone").unlink()
    it.wrap = None
    it.run()
    assert not (it.target / "gone").exists()


def test_a_file_that_changes_while_it_is_read_is_hot(it: Rig) -> None:
    """It is sent, named, and looked at again by the next pass."""
    (it.source / "log").write_bytes(os.urandom(30 * MIB))
    done = threading.Event()

    def scribble() -> None:
        with (it.source / "log").open("r+b") as file:
            while not done.is_set():
                file.seek(0)
                file.write(os.urandom(10))
                file.flush()

    writer = threading.Thread(target=scribble)
    writer.start()
    try:
        report = it.run()
    finally:
        done.set()
        writer.join()
    assert report.hot == (b"v:log",)
    assert report.unsettled >= 1
    it.run(final=True)
    assert look(it.source) == look(it.target)


def test_damage_on_the_way_is_noticed_and_mended(it: Rig) -> None:
    """A flipped bit in a file's content: refused by the receiver, sent again in the same pass."""
    (it.source / "f").write_bytes(b"A" * 200_000)
    hurt: list[int] = []

    class Flip(CutLink):
        def send(self, data: memoryview) -> int:
            if not hurt and len(data) > 150_000:
                hurt.append(1)
                damaged = bytearray(data)
                damaged[100_000] ^= 1
                return self.sock.send(damaged[:150_000])
            return self.sock.send(data)

    it.wrap = lambda sock: Flip(sock, 10**9)
    it.run(level=0)
    assert hurt
    assert look(it.source) == look(it.target)


def test_stopping_keeps_what_arrived(it: Rig) -> None:
    """The event is set while copying: Interrupted; the next pass continues."""
    for number in range(40):
        (it.source / f"f{number}").write_bytes(os.urandom(MIB))
    limit = iter(range(10**6))

    class Stopping(CutLink):
        def send(self, data: memoryview) -> int:
            if next(limit) == 60:
                it.stop.set()
            return self.sock.send(data)

    it.wrap = lambda sock: Stopping(sock, 10**9)
    with pytest.raises(Interrupted):
        it.run(streams=1)
    it.stop.clear()
    it.wrap = None
    with it.opened() as manifest:
        assert manifest.totals("v").entries > 2
    report = it.run()
    assert report.bytes_sent < 40 * MIB
    assert look(it.source) == look(it.target)


def test_no_connection_for_long_is_an_error(it: Rig) -> None:
    """After the patience of the options; the source of the trouble is named."""

    def refuse(_sock: socket.socket) -> Link:
        _sock.close()
        raise ConnectionRefusedError(111, "Connection refused")

    it.wrap = refuse
    with pytest.raises(AgentUnreachable, match="refused"):
        it.run(patience=0.5)


def test_excludes_prune_and_remove_what_was_copied_before(it: Rig) -> None:
    """A rule added later takes its paths away from the target; their directory stays."""
    (it.source / "cache" / "deep").mkdir(parents=True)
    (it.source / "cache" / "deep" / "x").write_bytes(b"x")
    (it.source / "keep").write_bytes(b"k")
    it.run()
    it.excludes = ("/cache/*",)
    assert it.run().deleted == 2
    assert sorted(p.name for p in it.target.rglob("*")) == ["cache", "keep"]


def test_leftovers_of_a_killed_pass_are_removed(it: Rig) -> None:
    """Half-made files lie in one folder, which the next pass clears and no receipt shows."""
    spare = it.target / os.fsdecode(RESERVED)
    spare.mkdir()
    (spare / "dead.1").write_bytes(b"half")
    assert [e.path for e in reread(it.target, drop_caches=False)] == [b"."]
    it.run()
    assert list(it.target.iterdir()) == []


@pytest.mark.parametrize("size", [1, 9 << 20])
def test_a_link_in_the_place_of_a_known_directory_is_replaced(it: Rig, size: int) -> None:
    """Somebody tampered with the target: what is new in the directory arrives, and nowhere else."""
    (it.source / "d").mkdir()
    (it.source / "d" / "old").write_bytes(b"o")
    settle(it)
    shutil.rmtree(it.target / "d")
    (it.target / "elsewhere").mkdir()
    (it.target / "d").symlink_to("elsewhere")
    (it.source / "d" / "new").write_bytes(b"n" * size)
    it.run()
    assert (it.target / "d" / "new").stat().st_size == size
    assert not (it.target / "d").is_symlink()
    assert list((it.target / "elsewhere").iterdir()) == []


def test_a_link_on_the_target_leads_nowhere(it: Rig, tmp_path: Path) -> None:
    """Somebody put a symbolic link where a directory should be: it is replaced, not followed."""
    (it.source / "d").mkdir()
    (it.source / "d" / "f").write_bytes(b"f")
    outside = tmp_path / "outside"
    outside.mkdir()
    (it.target / "d").symlink_to(outside)
    it.run()
    assert list(outside.iterdir()) == []
    assert look(it.source) == look(it.target)


def test_linked_large_files_part_without_harm(it: Rig) -> None:
    """Two names of one large file become two files: neither write shows in the other."""
    (it.source / "a").write_bytes(os.urandom(9 * MIB))
    os.link(it.source / "a", it.source / "b")
    settle(it)
    shutil.copy(it.source / "b", it.source / "c")
    (it.source / "c").rename(it.source / "b")
    with (it.source / "a").open("r+b") as file:
        file.write(b"only a")
    it.run()
    assert look(it.source) == look(it.target)


def test_a_volume_without_a_root_tree_is_refused(it: Rig) -> None:
    """Its parents would be missing."""
    it.trees = (TreeRoot(it.source, b"/srv/www"),)
    with pytest.raises(ReplicationError, match="root"):
        it.run()


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """(client, server) with a throw-away certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "agent")])
    start = datetime(2020, 1, 1, tzinfo=UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start + timedelta(days=36500))
        .sign(key, hashes.SHA256())
    )
    folder = tmp_path_factory.mktemp("tls")
    pem = folder / "agent.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    client.check_hostname = False
    client.load_verify_locations(pem)
    for context in (server, client):
        context.minimum_version = ssl.TLSVersion.TLSv1_3
    return client, server


def test_it_works_over_tls(it: Rig, contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Several megabytes each way of the encryption, several streams, a clean end."""
    client, server = contexts
    (it.source / "big").write_bytes(os.urandom(20 * MIB))
    for number in range(300):
        (it.source / f"f{number}").write_bytes(os.urandom(number * 50))
    receiver = it.make_receiver()

    class Secured:
        """Serves what a handshake on the receiver's side yields."""

        def serve(self, sock: socket.socket) -> None:
            with server.wrap_socket(sock, server_side=True) as link:
                receiver.serve(link)

        def close(self) -> None:
            receiver.close()

    it.receiver = Secured()  # type: ignore[assignment]
    it.wrap = client.wrap_socket
    it.run(streams=3)
    assert look(it.source) == look(it.target)
