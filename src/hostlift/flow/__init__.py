# SPDX-License-Identifier: Apache-2.0
"""The story: nine steps over a journal.

pipeline   the nine steps in order: start reading here
engine     runs them, skips what an earlier run finished and what still holds
results    what each step hands on
journal    what was intended and what happened; the only state there is
ledger     every resource that costs money, by role; made once, released newest first
context    what a step may use of the world
steps/     one file a step
"""
