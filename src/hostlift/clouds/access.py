# SPDX-License-Identifier: Apache-2.0
"""How a cloud is reached: the one thing every driver is opened with."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class CloudAccess:
    """Region, credentials and the way to the API. The text form shows no secret.

    Attributes:
        access_id: AccessKey id; empty: the vendor's own chain (environment, profile, role) decides.
        security_token: Of temporary credentials.
        endpoint: ``http://host:port`` that answers for every service; empty: the cloud's own.
        inside: The API is called at the addresses it has inside the region's VPCs.
        proxy: ``http://user:password@host:port`` or ``host:port``; may hold a password.
    """

    region: str
    access_id: str = ""
    secret_key: str = field(default="", repr=False)
    security_token: str = field(default="", repr=False)
    endpoint: str = ""
    proxy: str = field(default="", repr=False)
    inside: bool = False
