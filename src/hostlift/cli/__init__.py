# SPDX-License-Identifier: Apache-2.0
"""The command line. Only here is anything printed, asked, or taken from the environment.

`main` has the verbs, `cloud` those of the embedded cloud, `go2aliyun` and `client_check` the
original tool's names; `render` shows events, `texts` results.
"""
