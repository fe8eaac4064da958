# SPDX-License-Identifier: GPL-3.0-or-later
"""Make a DKIM key. Runs on the controller, which has the package cryptography."""

from __future__ import annotations

import base64

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

# RFC 8301, 3.1: signers use what all verifiers know.
_EXPONENT = 65537


def make_key(bits: int) -> tuple[bytes, str]:
    """Return a new RSA key: its private half as PEM (PKCS 8), its public half as base64."""
    key = rsa.generate_private_key(_EXPONENT, bits)
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return private, base64.b64encode(public).decode()
