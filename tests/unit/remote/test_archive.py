# SPDX-License-Identifier: Apache-2.0
"""The agent's archive: what is in it, and that equal content gives equal bytes."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import tarfile
from importlib import metadata
from pathlib import Path, PurePosixPath

import pytest

from hostlift.errors import HostError, StateError
from hostlift.remote.archive import build_from, contents
from hostlift.remote.closure import ROOTS, distributions, wanted


def _files(folder: Path) -> list[tuple[str, Path]]:
    folder.mkdir()
    made = []
    for name, data in {
        "lib/b.py": b"b = 2\n",
        "lib/a/__init__.py": b"",
        "lib/c.so": b"\0elf",
    }.items():
        path = folder / name.replace("/", "-")
        path.write_bytes(data)
        made.append((name, path))
    return made


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    """Order, times and modes of the files do not matter."""
    first = _files(tmp_path / "one")
    second = list(reversed(_files(tmp_path / "two")))
    for _, path in second:
        os.utime(path, (1, 1))
        path.chmod(0o700)
    one = build_from(tmp_path / "cache1", first)
    two = build_from(tmp_path / "cache2", second)
    assert one.path.read_bytes() == two.path.read_bytes()
    assert one.sha256 == hashlib.sha256(one.path.read_bytes()).hexdigest()
    assert one.size == one.path.stat().st_size


def test_a_finished_archive_is_reused_and_a_changed_one_replaces_it(tmp_path: Path) -> None:
    """The cache holds one archive, that of the present content."""
    files = _files(tmp_path / "files")
    first = build_from(tmp_path / "cache", files)
    inode = first.path.stat().st_ino
    assert build_from(tmp_path / "cache", files).path.stat().st_ino == inode
    files[0][1].write_bytes(b"changed")
    second = build_from(tmp_path / "cache", files)
    assert second.sha256 != first.sha256
    assert [p.name for p in (tmp_path / "cache").iterdir()] == [second.path.name]


def test_members_are_plain_files_of_root_in_order(tmp_path: Path) -> None:
    """The manifest comes first; nothing says who packed it, where or when."""
    archive = build_from(tmp_path / "cache", _files(tmp_path / "files"))
    with tarfile.open(archive.path) as tar:
        members = tar.getmembers()
        facts = json.load(tar.extractfile("manifest.json"))  # type: ignore[arg-type]
    assert [m.name for m in members] == [
        "manifest.json",
        "lib/a/__init__.py",
        "lib/b.py",
        "lib/c.so",
    ]
    assert {(m.isreg(), m.mtime, m.uid, m.uname, m.mode) for m in members} == {
        (True, 0, 0, "root", 0o644)
    }
    assert facts["python"] == f"{sys.version_info.major}.{sys.version_info.minor}"
    assert facts["machine"] == os.uname().machine
    assert facts["module"] == "hostlift.agent"


def test_contents_hold_what_the_agent_runs_and_no_more() -> None:
    """Our package without the client's parts, compiled dependencies, no tests or bytecode."""
    names = {name for name, _ in contents()}
    assert "lib/hostlift/agent/__main__.py" in names
    assert "lib/hostlift/remote/messages.py" in names
    assert "lib/uvicorn/server.py" in names
    assert any(
        n.startswith("lib/pydantic_core/_pydantic_core") and n.endswith(".so") for n in names
    )
    packages = {n.split("/")[2] for n in names if n.startswith("lib/hostlift/")}
    assert not packages & {"cli", "clouds", "flow", "service", "localcloud"}
    assert not [n for n in names if "__pycache__" in n or n.endswith((".pyc", ".pyi", ".pth"))]
    assert not [n for n in names if n.startswith("lib/cryptography")]


def _imports(file: Path) -> set[str]:
    """Absolute names a module imports when it runs, those inside of functions too."""
    tree = ast.parse(file.read_bytes())
    for node in ast.walk(tree):
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            node.body = [ast.Pass()]
    found = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def test_whatever_the_agent_can_come_to_import_is_in_its_archive() -> None:
    """A library of a module that only one job loads would else be missed in the cloud only."""
    files = {PurePosixPath(n).relative_to("lib"): p for n, p in contents() if n.startswith("lib/")}
    held = {file.parts[0].split(".")[0] for file in files}
    modules = {
        ".".join(f.with_suffix("").parts).removesuffix(".__init__"): p for f, p in files.items()
    }
    waiting, seen, missing = ["hostlift.agent.__main__"], set(), set()
    while waiting:
        name = waiting.pop()
        if name in seen:
            continue
        seen.add(name)
        for found in _imports(modules[name]):
            top = found.partition(".")[0]
            if top == "hostlift":
                waiting += [found] if found in modules else []
            elif top not in sys.stdlib_module_names and top not in held:
                missing.add((name, top))
    assert "hostlift.formats.initramfs" in seen
    # Only the client makes certificates; the agent is given its own.
    assert missing == {("hostlift.remote.certificates", "cryptography")}


def test_the_closure_follows_requirements_but_not_extras() -> None:
    """Dependencies of dependencies are found; what only an extra names is not."""
    found = {d.metadata["Name"].lower().replace("_", "-") for d in distributions(["starlette"])}
    assert {"starlette", "anyio", "idna"} <= found
    assert not found & {"httpx", "jinja2", "trio"}


def test_a_missing_distribution_is_named() -> None:
    """A broken installation is an error with a way out, not a stack trace."""
    with pytest.raises(HostError, match="hostlift-no-such-thing: is not installed"):
        distributions(["hostlift-no-such-thing"])


def test_a_cache_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    """The folder is a file: one clear error."""
    (tmp_path / "cache").write_bytes(b"")
    with pytest.raises(StateError, match="cache"):
        build_from(tmp_path / "cache", _files(tmp_path / "files"))


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("pkg/module.py", True),
        ("pkg/native.cpython-311-x86_64-linux-gnu.so", True),
        ("pkg-1.0.dist-info/METADATA", True),
        ("pkg-1.0.dist-info/licenses/LICENSE", True),
        ("pkg-1.0.dist-info/RECORD", False),
        ("pkg/__pycache__/module.cpython-311.pyc", False),
        ("pkg/tests/test_module.py", False),
        ("pkg/module.pyi", False),
        ("../../bin/tool", False),
        ("/etc/passwd", False),
    ],
)
def test_what_is_wanted_of_a_distribution(name: str, expected: bool) -> None:
    """Run-time files and licences come along; scripts, stubs, tests and bytecode stay."""
    assert wanted(PurePosixPath(name)) is expected


def test_every_root_is_a_dependency_of_ours() -> None:
    """What the agent imports is what pip installs with hostlift."""
    for name in ROOTS:
        assert metadata.version(name)
