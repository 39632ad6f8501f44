# SPDX-License-Identifier: Apache-2.0
"""Failures to rehearse. Pure: what may go wrong, and at which call it does.

kinds      every kind of fault: when it strikes, which actions it can strike
injector   counts calls and says which faults strike the one at hand
"""
