# SPDX-License-Identifier: GPL-3.0-or-later
"""The drill: faults on a mail pair under load, and proof that nothing it accepted was lost (docs/drill.md)."""
