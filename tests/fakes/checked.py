# SPDX-License-Identifier: Apache-2.0
"""What tests of the checks share: the kernel of a good source, and how a finding is told."""

from __future__ import annotations

import gzip
import stat
from collections.abc import Callable

from hostlift.formats import cpio
from hostlift.formats.cpio import Member
from hostlift.model.finding import Finding, Severity

RELEASE = "6.1.0-18-amd64"
INITRAMFS = f"boot/initrd.img-{RELEASE}"
Judge = Callable[..., list[Finding]]


def an_image(*modules: str, kind: str = "scripts/init-top/ORDER") -> bytes:
    """An initramfs that starts the way ``kind`` says and holds these modules."""
    files = [kind, *(f"usr/lib/modules/{RELEASE}/{m}.ko" for m in modules)]
    return gzip.compress(cpio.write([Member(f, stat.S_IFREG | 0o644, data=b"x") for f in files]))


def only(findings: list[Finding], severity: Severity) -> Finding:
    """The one finding of a severity, which says what it saw and what to do."""
    (finding,) = [f for f in findings if f.severity is severity]
    assert finding.evidence
    assert finding.remedy or severity in (Severity.OK, Severity.NOTE)
    return finding
