# SPDX-License-Identifier: Apache-2.0
"""Distribution families: tables of paths and commands, nothing else."""
