# SPDX-License-Identifier: Apache-2.0
"""The official clients of five kinds behind one method, for one scenario.

``v2``    Python, current: ACS3-HMAC-SHA256
``v1``    Python, older: HMAC-SHA1
``pop``   JavaScript, older: HMAC-SHA1
``acs3``  JavaScript, current: ACS3-HMAC-SHA256
``typed`` JavaScript, generated for each product: a type for every request and answer

The JavaScript packages are those of ``tests/localcloud/js``; they are installed once per lock file, into
``~/.cache/hostlift``. Without node or npm these three fail, they are not skipped.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol

from alibabacloud_tea_openapi.exceptions import ClientException
from fakes.papercloud import PaperCloud
from fakes.sdk import MODELS, Sdk

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    from aliyunsdkcore.acs_exception.exceptions import ServerException
    from aliyunsdkcore.client import AcsClient
    from aliyunsdkcore.request import CommonRequest

JS = Path(__file__).parent.parent / "localcloud" / "js"
KINDS = ("v2", "v1", "pop", "acs3", "typed")
VERSIONS = dict(zip(("ecs", "vpc", "sts", "bss", "quotas"), MODELS, strict=True))
_INSTALL_SECONDS = 300


class Refused(Exception):
    """The API's code, as the client tells it."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


class Client(Protocol):
    """A client with somebody's key."""

    def call(self, product: str, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        """A call; parameters are nested as the API names them.

        Raises:
            Refused: With the API's code.
        """
        ...


class V2:
    """Through the official request and response models, of which none may lose a field."""

    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    def call(self, product: str, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        known = self._sdk.parameters(VERSIONS[product], action)
        own = {k: v for k, v in params.items() if k != "RegionId" or k in known}
        try:
            return dict(getattr(self._sdk, product)(action, **own))
        except ClientException as error:
            raise Refused(str(error.code)) from None


class V1:
    """The older one, with a request of no particular action."""

    def __init__(self, sdk: Sdk) -> None:
        self._address = sdk.address
        key = sdk._config
        self._client = AcsClient(key["access_key_id"], key["access_key_secret"], "cn-hangzhou")

    def call(self, product: str, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        request = CommonRequest()
        request.set_accept_format("json")
        request.set_domain(self._address)
        request.set_protocol_type("http")
        request.set_method("POST")
        request.set_version(VERSIONS[product])
        request.set_action_name(action)
        for name, value in flat(params).items():
            request.add_query_param(name, value)
        try:
            return dict(json.loads(self._client.do_action_with_exception(request)))
        except ServerException as error:
            raise Refused(str(error.get_error_code())) from None


class JavaScript:
    """A node process that reads calls and writes answers, a line each."""

    def __init__(self, process: subprocess.Popen[str], sdk: Sdk) -> None:
        self._process = process
        key = sdk._config
        self._keys = {"key": key["access_key_id"], "secret": key["access_key_secret"]}

    def call(self, product: str, action: str, params: Mapping[str, Any]) -> dict[str, Any]:
        ask = {"version": VERSIONS[product], "action": action, "params": params, **self._keys}
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(ask) + "\n")
        self._process.stdin.flush()
        line = self._process.stdout.readline()
        assert line, "the node process ended"
        answer = json.loads(line)
        if "body" not in answer:
            raise Refused(str(answer["code"]))
        return dict(answer["body"])


def flat(value: Any, name: str = "") -> dict[str, str]:
    """Parameters with dots, as the wire has them."""
    if isinstance(value, Mapping):
        pairs = [(f"{name}.{k}" if name else k, v) for k, v in value.items()]
    elif isinstance(value, list):
        pairs = [(f"{name}.{n}", v) for n, v in enumerate(value, 1)]
    else:
        return {name: str(value)}
    return {k: v for key, item in pairs for k, v in flat(item, key).items()}


@contextmanager
def client(kind: str, paper: PaperCloud, address: str) -> Iterator[Client]:
    """A client of that kind with the main account's key."""
    sdk = Sdk(paper, address)
    match kind:
        case "v2":
            yield V2(sdk)
        case "v1":
            yield V1(sdk)
        case _:
            with node(kind, address) as process:
                yield JavaScript(process, sdk)


@contextmanager
def node(kind: str, address: str) -> Iterator[subprocess.Popen[str]]:
    """A node process with the packages in reach."""
    line = ["node", str(JS / "client.mjs"), kind, address, str(packages())]
    process = subprocess.Popen(
        line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        yield process
    finally:
        assert process.stdin is not None
        process.stdin.close()
        process.wait(20)
        assert process.stdout is not None
        process.stdout.close()


def packages() -> Path:
    """The folder of the installed packages; installed on first use, whole or not at all."""
    for program in ("node", "npm"):
        if shutil.which(program) is None:
            raise AssertionError(
                f"{program} is missing: install the Debian packages nodejs and npm"
            )
    lock = (JS / "package-lock.json").read_bytes()
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hostlift"
    place = base / f"npm-{hashlib.sha256(lock).hexdigest()[:16]}"
    if place.exists():
        return place
    draft = place.with_name(f"{place.name}.{os.getpid()}")
    draft.mkdir(parents=True)
    try:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(JS / name, draft / name)
        line = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(
            line, cwd=draft, capture_output=True, text=True, timeout=_INSTALL_SECONDS, check=False
        )
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}\n{done.stderr}"
        if not place.exists():
            draft.rename(place)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return place
