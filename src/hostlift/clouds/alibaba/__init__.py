# SPDX-License-Identifier: Apache-2.0
"""Alibaba Cloud ECS, over the vendor's generic RPC client.

    driver ─> network, security, instances, images, placement, search    verbs of the port
                 └──> requests, records        what is asked and answered, typed
                        └──> api               one call: retries, errors with remedies (catalogue)
                              └──> transport   one attempt, signed by the vendor's SDK

Importing this package imports nothing of the SDK: it reads the environment at import, so
`environment.prepare` must come first.
"""
