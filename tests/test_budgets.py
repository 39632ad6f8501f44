# SPDX-License-Identifier: Apache-2.0
"""Sizes at which code stops being readable. An exception is listed with its reason."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SOURCES = sorted(p for top in ("src", "demo", "benchmarks") for p in (ROOT / top).rglob("*.py"))

FILE_LINES = 400
FUNCTION_LINES = 40
PARAMETERS = 6
PACKAGE_FILES = 20

# path, or path:function -> why it may be larger
FILES: dict[str, str] = {}
ANSWER = "an answer of the API: one line a field, nothing decided"
RECORD = "fills one record, one line a field"
FUNCTIONS: dict[str, str] = {
    "src/hostlift/localcloud/actions/instances/run.py:_instance": RECORD,
    "src/hostlift/localcloud/actions/instances/types.py:_fits": "one filter of the request a line",
    "src/hostlift/localcloud/actions/instances/views.py:_common": ANSWER,
    "src/hostlift/localcloud/actions/instances/views.py:full_view": ANSWER,
    "src/hostlift/localcloud/actions/storage/disk_list.py:_view": ANSWER,
    "src/hostlift/localcloud/actions/storage/images.py:_view": ANSWER,
    "src/hostlift/plan/placing.py:seat": "the whole decision tree of where a file system goes",
}
ARGUMENTS: dict[str, str] = {
    "src/hostlift/adapt/ledger.py:_merge": "both ends of an edit, before and after",
    "src/hostlift/cli/cleanup.py:cleanup": "a verb: one flag a wish",
    "src/hostlift/localcloud/actions/storage/snapshots.py:add_snapshot": RECORD,
    "src/hostlift/localcloud/cloud.py:__init__": "the wiring of the embedded cloud",
    "src/hostlift/localcloud/world.py:__init__": "the wiring of the embedded cloud",
    "src/hostlift/replicate/passes.py:run_pass": "the engine's one door, keywords only",
    "src/hostlift/replicate/sending/stream.py:__init__": "what a stream shares with the others",
    "src/hostlift/cli/main.py:migrate": "an option of the command line each",
    "src/hostlift/cli/passes.py:cutover": "an option of the command line each",
    "src/hostlift/cli/passes.py:sync": "an option of the command line each",
    "src/hostlift/cli/main.py:check": "an option of the command line each",
    "src/hostlift/cli/verify.py:command": "an option of the command line each",
    "src/hostlift/host/command.py:run": "the port's signature: one door, every wish of a caller",
    "src/hostlift/ports/commands.py:run": "the port itself",
}
PACKAGES: dict[str, str] = {}


def functions() -> Iterator[tuple[str, ast.FunctionDef | ast.AsyncFunctionDef]]:
    """Every function, named by file and name."""
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield f"{path.relative_to(ROOT)}:{node.name}", node


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines of a function without its documentation string."""
    body = node.body
    whole = (node.end_lineno or node.lineno) - node.lineno + 1
    if ast.get_docstring(node) is None:
        return whole
    text = body[0]
    return whole - ((text.end_lineno or text.lineno) - text.lineno + 1)


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Number of parameters a caller sees."""
    arguments = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    return len([a for a in arguments if a.arg not in ("self", "cls")])


def check(found: dict[str, int], limit: int, allowed: dict[str, str]) -> None:
    """Nothing over the limit but what is allowed, and nothing allowed that needs no allowance."""
    over = {name: size for name, size in found.items() if size > limit}
    assert {n: s for n, s in over.items() if n not in allowed} == {}
    assert [name for name in allowed if name not in over] == []


def test_files_are_short() -> None:
    """A file is read in one go."""
    check(
        {str(p.relative_to(ROOT)): len(p.read_text().splitlines()) for p in SOURCES},
        FILE_LINES,
        FILES,
    )


def test_functions_are_short() -> None:
    """A function fits on a screen."""
    sizes: dict[str, int] = {}
    for name, node in functions():
        sizes[name] = max(sizes.get(name, 0), length(node))
    check(sizes, FUNCTION_LINES, FUNCTIONS)


def test_functions_take_few_parameters() -> None:
    """A call is understood without the definition."""
    counts: dict[str, int] = {}
    for name, node in functions():
        counts[name] = max(counts.get(name, 0), parameters(node))
    check(counts, PARAMETERS, ARGUMENTS)


def test_packages_are_small() -> None:
    """A folder is seen at a glance."""
    counts: dict[str, int] = {}
    for path in SOURCES:
        folder = str(path.parent.relative_to(ROOT))
        counts[folder] = counts.get(folder, 0) + 1
    check(counts, PACKAGE_FILES, PACKAGES)


@pytest.mark.parametrize("path", SOURCES, ids=lambda p: str(p.relative_to(ROOT)))
def test_every_file_says_its_licence_and_its_place(path: Path) -> None:
    """The licence in the first line, then what the module is for."""
    text = path.read_text()
    assert text.startswith("# SPDX-License-Identifier: Apache-2.0\n")
    assert ast.get_docstring(ast.parse(text))
