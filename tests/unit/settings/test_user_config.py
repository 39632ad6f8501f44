# SPDX-License-Identifier: Apache-2.0
"""user_config.json: what is accepted, and how what is not is told."""

from __future__ import annotations

import json
import traceback
from pathlib import Path
from typing import Any

import pytest

from hostlift.errors import ConfigError
from hostlift.settings.loading import file_warnings, load
from hostlift.settings.user_config import Settings

GOOD = {"region_id": "cn-hangzhou", "image_name": "web01"}
SECRET = "qGvhTs3cretK3y"


def put(folder: Path, content: object) -> Path:
    text = content if isinstance(content, str) else json.dumps(content)
    (folder / "user_config.json").write_text(text, "utf-8")
    return folder


def read(folder: Path, **options: Any) -> Settings:
    return load(folder, **{"overrides": {}, "environ": {}, **options})


def refusal(folder: Path, content: object, **options: Any) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(put(folder, content), **options)
    return caught.value


def test_the_original_file_is_read_with_its_keys(tmp_path: Path) -> None:
    """Every key of the original tool has its place."""
    original = {
        "access_id": "LTAI",
        "secret_key": SECRET,
        "region_id": "cn-hangzhou",
        "image_name": "my_image",
        "system_disk_size": 40,
        "platform": "CentOS",
        "architecture": "x86_64",
        "bandwidth_limit": 512,
        "data_disks": [{"data_disk_index": 2, "data_disk_size": 100, "src_path": "/mnt/disk1/"}],
    }
    settings = read(put(tmp_path, original))
    assert settings.system_disk_size == 40
    assert settings.data_disks[0].src_path == "/mnt/disk1"
    assert settings.data_disks[0].data_disk_index == 2
    assert settings.secret_key.get_secret_value() == SECRET
    assert settings.streams == 2
    assert settings.hooks == "auto"


def test_a_missing_file_says_what_to_write(tmp_path: Path) -> None:
    """The error names the file and its least content."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path)
    assert caught.value.subject == str(tmp_path / "user_config.json")
    assert "region_id" in caught.value.hint


def test_a_missing_file_is_fine_when_only_checks_are_wanted(tmp_path: Path) -> None:
    """client_check runs before anything is configured."""
    assert read(tmp_path, complete=False) == Settings()


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('{"region_id": "a",\n "image_name": }', "line 2, column 16"),
        ('{"region_id": "a",}', "line 1, column"),
        ("", "line 1, column 1"),
        ("[1, 2]", "one object"),
        ('{"a": NaN}', "NaN"),
        ("[" * 100_000, "recursion"),
    ],
)
def test_broken_json_is_told_with_its_place(tmp_path: Path, text: str, where: str) -> None:
    """Line and column, never a traceback."""
    assert where in refusal(tmp_path, text).message


def test_bytes_that_are_not_utf8_are_told(tmp_path: Path) -> None:
    """A file saved in another encoding is named as such."""
    (tmp_path / "user_config.json").write_bytes(b'{"image_name": "caf\xe9"}')
    with pytest.raises(ConfigError, match="byte 19 is not UTF-8"):
        read(tmp_path)


def test_a_byte_order_mark_is_read_over(tmp_path: Path) -> None:
    """Editors on Windows put one there."""
    (tmp_path / "user_config.json").write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert read(tmp_path).image_name == "web01"


def test_every_problem_is_listed_at_once(tmp_path: Path) -> None:
    """Nobody mends one key per run."""
    error = refusal(
        tmp_path,
        {**GOOD, "system_disk_size": 5, "platform": "debian", "streams": 99, "trial": "yes"},
    )
    for key in ("system_disk_size", "platform", "streams", "trial"):
        assert f"  {key}: " in error.message
    assert "4 problems" in error.message


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("system_disk_size", 19, ("19", "too small", "20 to 2048")),
        ("system_disk_size", 2049, ("too large",)),
        ("system_disk_size", "40", ('"40"', "whole number")),
        ("system_disk_size", True, ("true", "whole number")),
        ("image_name", "x", ("1 characters", "2 to 128")),
        ("image_name", "1web", ("not a letter",)),
        ("image_name", "http://x", ("http://",)),
        ("image_name", "a b", ("' '",)),
        ("platform", "centos", ("did you mean 'CentOS'",)),
        ("architecture", "sparc", ("x86_64",)),
        ("bandwidth_limit", -1, ("KB/s",)),
        ("endpoint", "127.0.0.1:80", ("http://host:port",)),
        ("endpoint", "http://h:99999", ("impossible port",)),
        ("source_cidr", "1.2.3.4/33", ("IPv4 network",)),
        ("compress_level", 20, ("0 (none) to 19",)),
        ("hooks", "postgresql", ("list of freeze hooks",)),
        ("region_id", "cn hangzhou", ("region such as",)),
    ],
)
def test_a_wrong_value_is_told_with_key_value_and_rule(
    tmp_path: Path, key: str, value: object, words: tuple[str, ...]
) -> None:
    """The key is the subject; the message says what it must be."""
    error = refusal(tmp_path, {**GOOD, key: value})
    assert error.subject == key
    for word in words:
        assert word in error.message


@pytest.mark.parametrize(
    ("disk", "key", "words"),
    [
        ({"data_disk_size": 5, "src_path": "/d"}, "data_disks[0].data_disk_size", "20 to 32768"),
        ({"src_path": "/"}, "data_disks[0].src_path", "belongs to the system"),
        ({"src_path": "/boot/"}, "data_disks[0].src_path", "belongs to the system"),
        ({"src_path": "/proc/1"}, "data_disks[0].src_path", "belongs to the system"),
        ({"src_path": "data"}, "data_disks[0].src_path", "not an absolute path"),
        ({"src_path": "/a/../etc"}, "data_disks[0].src_path", "'..'"),
        ({"src_path": "D:"}, "data_disks[0].src_path", "Windows drive"),
        ({"data_disk_index": 17, "src_path": "/d"}, "data_disks[0].data_disk_index", "1 to 16"),
        ({}, "data_disks[0].src_path", "is missing"),
        ({"src_path": "/d", "size": 1}, "data_disks[0].size", "not a known key"),
    ],
)
def test_a_wrong_data_disk_is_told_with_its_path(
    tmp_path: Path, disk: dict[str, object], key: str, words: str
) -> None:
    """The path of the key leads to the list's element."""
    error = refusal(tmp_path, {**GOOD, "data_disks": [disk]})
    assert (error.subject, words in error.message) == (key, True)


def test_data_disks_must_differ(tmp_path: Path) -> None:
    """Neither an index nor a path can be there twice."""
    disks = [
        {"data_disk_index": 3, "src_path": "/d"},
        {"data_disk_index": 3, "src_path": "/d/"},
    ]
    message = refusal(tmp_path, {**GOOD, "data_disks": disks}).message
    assert "data_disks[1].data_disk_index: 3 is also the index of data_disks[0]" in message
    assert "data_disks[1].src_path: '/d' is also the path of data_disks[0]" in message


def test_data_disks_without_index_are_numbered_by_position(tmp_path: Path) -> None:
    """The English table of the original calls the index optional."""
    disks = [{"src_path": "/a"}, {"src_path": "/b"}]
    settings = read(put(tmp_path, {**GOOD, "data_disks": disks}))
    assert [d.data_disk_index for d in settings.data_disks] == [1, 2]


def test_an_unknown_key_is_told_with_the_nearest_known_one(tmp_path: Path) -> None:
    """A typing error is found, not ignored."""
    error = refusal(tmp_path, {**GOOD, "system_disk_sise": 40})
    assert error.subject == "system_disk_sise"
    assert "did you mean 'system_disk_size'" in error.message


def test_a_duplicate_key_is_refused(tmp_path: Path) -> None:
    """JSON would silently take the last one."""
    error = refusal(tmp_path, '{"region_id": "a", "region_id": "b", "image_name": "ab"}')
    assert error.subject == "region_id"
    assert "2 times" in error.message


def test_region_and_image_name_are_demanded(tmp_path: Path) -> None:
    """An untouched template is told what to fill in."""
    message = refusal(tmp_path, {}).message
    assert "region_id: is empty" in message
    assert "image_name: is empty" in message


def test_the_command_line_beats_the_file(tmp_path: Path) -> None:
    """Values that are not given (None) leave the file's alone; numbers may come as text."""
    given = {"image_name": "other", "region_id": None, "system_disk_size": "60"}
    settings = read(put(tmp_path, GOOD), overrides=given)
    assert settings.image_name == "other"
    assert settings.region_id == "cn-hangzhou"
    assert settings.system_disk_size == 60


def test_the_command_line_alone_is_enough(tmp_path: Path) -> None:
    """Region and name as options need no file."""
    assert read(tmp_path, overrides=GOOD).image_name == "web01"


def test_the_original_data_disk_option_is_read(tmp_path: Path) -> None:
    """``index|size|path`` joined by semicolons."""
    given = {"data_disks": "1|100|/data;2|150|/srv/x"}
    disks = read(put(tmp_path, GOOD), overrides=given).data_disks
    assert [(d.data_disk_index, d.data_disk_size, d.src_path) for d in disks] == [
        (1, 100, "/data"),
        (2, 150, "/srv/x"),
    ]


def test_a_broken_data_disk_option_is_told(tmp_path: Path) -> None:
    """The wanted form is shown."""
    with pytest.raises(ConfigError, match=r"index\|size\|path"):
        read(put(tmp_path, GOOD), overrides={"data_disks": "1:100:/data"})


def test_the_environment_fills_missing_keys(tmp_path: Path) -> None:
    """The names are those of the official tools."""
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
    settings = read(put(tmp_path, GOOD), environ=environ)
    assert settings.access_id == "ID"
    assert settings.has_credentials


def test_a_secret_of_another_id_is_not_mixed_in(tmp_path: Path) -> None:
    """Two halves of different pairs would only give a puzzling refusal by the cloud."""
    environ = {"ALIBABA_CLOUD_ACCESS_KEY_ID": "B", "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET}
    error = refusal(tmp_path, {**GOOD, "access_id": "A"}, environ=environ)
    assert error.subject == "secret_key"


def test_temporary_credentials_are_left_to_the_official_chain(tmp_path: Path) -> None:
    """A pair without its token would be refused."""
    environ = {
        "ALIBABA_CLOUD_ACCESS_KEY_ID": "STS.x",
        "ALIBABA_CLOUD_ACCESS_KEY_SECRET": SECRET,
        "ALIBABA_CLOUD_SECURITY_TOKEN": "token",
    }
    assert not read(put(tmp_path, GOOD), environ=environ).has_credentials


@pytest.mark.parametrize(
    "wrong", [{"system_disk_size": 1}, {"secret_key": [SECRET]}, {"x": SECRET}]
)
def test_secrets_are_in_no_message_repr_or_traceback(
    tmp_path: Path, wrong: dict[str, object]
) -> None:
    """What is printed on an error can be sent to anybody; an unknown key shows its name only."""
    content = {**GOOD, "access_id": "LTAI5t", "secret_key": SECRET, **wrong}
    error = refusal(tmp_path, content)
    shown = "".join(traceback.format_exception(error)) + error.hint
    assert SECRET not in shown
    good = read(put(tmp_path, {**GOOD, "access_id": "LTAI5t", "secret_key": SECRET}))
    assert SECRET not in repr(good) + str(good) + good.model_dump_json()


def test_a_network_of_the_users_needs_its_vpc(tmp_path: Path) -> None:
    """A vSwitch alone cannot be used."""
    assert refusal(tmp_path, {**GOOD, "vswitch_id": "vsw-1"}).subject == "vswitch_id"


def test_settings_cannot_change(tmp_path: Path) -> None:
    """Wishes and state are different things."""
    settings = read(put(tmp_path, GOOD))
    with pytest.raises(ValueError, match="frozen"):
        settings.image_name = "x"


def test_a_readable_file_with_secrets_is_warned_of(tmp_path: Path) -> None:
    """Only when others can read it, and it holds the secret."""
    file = put(tmp_path, {**GOOD, "secret_key": SECRET}) / "user_config.json"
    file.chmod(0o644)
    assert "chmod 600" in file_warnings(tmp_path)[0]
    file.chmod(0o600)
    assert file_warnings(tmp_path) == ()
    put(tmp_path, GOOD)
    file.chmod(0o644)
    assert file_warnings(tmp_path) == ()
