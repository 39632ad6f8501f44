# SPDX-License-Identifier: Apache-2.0
"""RAM: who may do what. Pure: documents in, decisions out.

documents   policy JSON, read strictly
conditions  the operators of a statement's Condition
judge       explicit Deny, then Allow, then implicit Deny
system      the policies that every account has, by name
"""
