# SPDX-License-Identifier: Apache-2.0
"""The protocol as the official SDKs speak it: bytes in, typed requests out, and back. No I/O.

message     an HTTP request taken apart; which service and action it is for
signature   ACS3-HMAC-SHA256 and the older HMAC-SHA1: recompute and compare
gate        who may pass: keys, clock, nonces
parameters  strings to the typed request of an action
answer      results and errors to bodies
errors      the refusals
"""
