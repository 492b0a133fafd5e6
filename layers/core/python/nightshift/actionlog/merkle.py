"""A Merkle tree as RFC 6962 builds it: leaves and nodes are hashed apart, so none passes for the other."""

import hashlib
from collections.abc import Sequence

__all__ = ["path", "root", "root_by"]


def _leaf(data: bytes) -> bytes:
    return hashlib.sha256(b"\x00" + data).digest()


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _split(count: int) -> int:
    """The largest power of two below `count`."""
    return 1 << (count - 1).bit_length() - 1


def _root(leaves: Sequence[bytes]) -> bytes:
    if len(leaves) == 1:
        return _leaf(leaves[0])
    at = _split(len(leaves))
    return _node(_root(leaves[:at]), _root(leaves[at:]))


def root(leaves: Sequence[bytes]) -> str:
    """The root (hexadecimal) over at least one leaf."""
    return _root(leaves).hex()


def path(leaves: Sequence[bytes], index: int) -> tuple[str, ...]:
    """The hashes that lead from the leaf at `index` to the root, the nearest first."""
    if len(leaves) == 1:
        return ()
    at = _split(len(leaves))
    if index < at:
        return (*path(leaves[:at], index), _root(leaves[at:]).hex())
    return (*path(leaves[at:], index - at), _root(leaves[:at]).hex())


def root_by(leaf: bytes, index: int, *, count: int, path: Sequence[str]) -> str:
    """The root that a leaf and its path give; empty when the path does not fit a tree of that size."""
    steps = _steps(index, count)
    if steps is None or len(steps) != len(path):
        return ""
    found = _leaf(leaf)
    for other_is_left, step in zip(reversed(steps), path, strict=True):
        other = bytes.fromhex(step)
        found = _node(other, found) if other_is_left else _node(found, other)
    return found.hex()


def _steps(index: int, count: int) -> list[bool] | None:
    """From the root down: whether the other half is the left one."""
    if not 0 <= index < count:
        return None
    steps: list[bool] = []
    while count > 1:
        at = _split(count)
        right = index >= at
        steps.append(right)
        index, count = (index - at, count - at) if right else (index, at)
    return steps
