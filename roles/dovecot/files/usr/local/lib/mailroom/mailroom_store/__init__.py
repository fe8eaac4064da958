# SPDX-License-Identifier: GPL-3.0-or-later
"""What happens to mailboxes on the mail host: made ready, locked, archived, purged, restored."""
