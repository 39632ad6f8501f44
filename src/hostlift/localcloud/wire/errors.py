# SPDX-License-Identifier: Apache-2.0
"""Refusals as the API words them: ``Code``, ``Message`` and HTTP status.

Callers key on ``Code``; statuses follow the published error tables of the ECS and VPC references.
"""

from __future__ import annotations

from collections.abc import Mapping


class ApiError(Exception):
    """A call is refused; the server turns it into the error document.

    Args:
        code: The API's ``Code``.
        message: The API's ``Message``.
        status: HTTP status.
        detail: ``AccessDeniedDetail`` of a missing permission.
        retry_after: Seconds the caller is asked to wait.
    """

    def __init__(
        self,
        code: str,
        message: str,
        status: int = 400,
        *,
        detail: Mapping[str, str] | None = None,
        retry_after: float = 0.0,
    ) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message
        self.status = status
        self.detail = detail
        self.retry_after = retry_after


def missing_parameter(name: str) -> ApiError:
    """A mandatory parameter is absent."""
    return ApiError(
        "MissingParameter",
        f'The input parameter "{name}" that is mandatory for processing this request is not supplied.',
    )


def invalid_parameter(name: str, why: str = "", code: str = "InvalidParameter") -> ApiError:
    """A parameter has the wrong type, or a value outside its range."""
    tail = f" {why}" if why else ""
    return ApiError(code, f'The specified parameter "{name}" is not valid.{tail}')


def unsupported_parameter(name: str, action: str) -> ApiError:
    """A parameter that the action does not have, or that this cloud cannot honour."""
    return ApiError("UnsupportedParameter", f'The parameter "{name}" is not supported by {action}.')


def not_found(resource: str, value: str) -> ApiError:
    """A resource id that does not exist; ``resource`` is the parameter, as in ``InstanceId``."""
    return ApiError(
        f"Invalid{resource}.NotFound", f"The specified {resource} does not exist: {value}.", 404
    )


def conflict(code: str, message: str) -> ApiError:
    """The state of a resource forbids the call."""
    return ApiError(code, message, 403)


def quota(what: str, message: str) -> ApiError:
    """A quota is used up; ``what`` is the word after ``QuotaExceed.``."""
    return ApiError(f"QuotaExceed.{what}", message, 403)
