# SPDX-License-Identifier: GPL-3.0-or-later
"""As much of DER (X.690) as public keys need: the key in a certificate (RFC 5280, 4.1), its kind and size."""

from __future__ import annotations

import base64
import binascii
import re

RSA, ED25519, OTHER = "rsa", "ed25519", "other"

_SEQUENCE, _INTEGER, _BITS, _OID, _VERSION = 0x30, 0x02, 0x03, 0x06, 0xA0
_KINDS = {bytes.fromhex("2a864886f70d010101"): RSA, bytes.fromhex("2b6570"): ED25519}
_PEM = re.compile(r"-----BEGIN (CERTIFICATE|PUBLIC KEY)-----(.*?)-----END \1-----", re.S)
# Of an Ed25519 key without its wrapping (RFC 8032).
_ED25519_SIZE = 32


def public_key(text: str) -> bytes:
    """Return the public key (SubjectPublicKeyInfo in DER) of a PEM certificate, the first one, or PEM public key.

    Text without PEM's lines is taken for base64 of the key. Raises ValueError with a reason.
    """
    found = _PEM.search(text)
    try:
        content = base64.b64decode("".join((found[2] if found else text).split()), validate=True)
        return _of_certificate(content) if found and found[1] == "CERTIFICATE" else _checked(content)
    except (binascii.Error, IndexError):
        raise ValueError("not a certificate or public key in PEM or base64") from None


def kind_and_size(key: bytes) -> tuple[str, int]:
    """Return the kind (RSA, ED25519, OTHER) of a SubjectPublicKeyInfo and its bits (0 where not looked at)."""
    algorithm, bits = _parts(_content(key, _SEQUENCE))[:2]
    kind = _KINDS.get(_content(_parts(_content(algorithm, _SEQUENCE))[0], _OID), OTHER)
    inner = _content(bits, _BITS)[1:]
    if kind == RSA:
        modulus = _content(_parts(_content(inner, _SEQUENCE))[0], _INTEGER)
        return kind, int.from_bytes(modulus, "big").bit_length()
    return kind, 256 if kind == ED25519 else 0


def raw_ed25519(key: bytes) -> bytes:
    """Return the 32 bytes of an Ed25519 key."""
    return key[-_ED25519_SIZE:]


def _checked(content: bytes) -> bytes:
    if len(content) == _ED25519_SIZE:
        # As opendkim-genkey and rspamadm give it: the bare key, which gets its wrapping (RFC 8410, 4).
        return bytes.fromhex("302a300506032b6570032100") + content
    kind_and_size(content)
    return content


def _of_certificate(content: bytes) -> bytes:
    fields = _parts(_content(_parts(_content(content, _SEQUENCE))[0], _SEQUENCE))
    # [version] serial algorithm issuer validity subject key
    return _checked(fields[6 if fields[0][0] == _VERSION else 5])


def _parts(content: bytes) -> list[bytes]:
    """The elements of a sequence's content, each with its head."""
    found = []
    while content:
        start, end = _bounds(content)
        if start > end or end > len(content):
            raise IndexError
        found.append(content[:end])
        content = content[end:]
    return found


def _content(element: bytes, tag: int) -> bytes:
    start, end = _bounds(element)
    if element[0] != tag or end != len(element):
        raise IndexError
    return element[start:end]


def _bounds(element: bytes) -> tuple[int, int]:
    """Where the content of the first element begins and ends."""
    size, start = element[1], 2
    if size & 0x80:
        start += size & 0x7F
        size = int.from_bytes(element[2:start], "big")
    return start, start + size
