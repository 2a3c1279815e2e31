"""Compiling kernels, and keeping what was compiled: machine code is cached on disk and loaded by the next process.

numba's own cache looks at the file of the kernel alone, and returns a stale result when a kernel that it calls has
changed in another file. Here the stamp of a kernel is a hash of its source and of all that its module imports. (numba
itself keeps apart its own versions and processors.) The place is ``__pycache__`` beside the sources, or, where that
cannot be written, the user's cache directory; ``NUMBA_CACHE_DIR`` overrides both.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from functools import cache
from hashlib import sha256
from importlib import import_module
from importlib.resources import files
from typing import Any, Final, TypeVar

# numba imports scipy where there is one, for linear algebra that no kernel does: 0.1 s that every `trunkline plan`
# would take. (``None`` is how Python is told that there is no such module.)
if "scipy" not in sys.modules:
    sys.modules["scipy"] = None  # type: ignore[assignment]
    try:
        import_module("numba.np.arraymath")
    finally:
        del sys.modules["scipy"]

from numba import config, njit
from numba.core.caching import InTreeCacheLocator, UserProvidedCacheLocator, UserWideCacheLocator

F = TypeVar("F", bound=Callable[..., Any])

_KERNELS: Final = "controller.paths.kernels"
_IMPORT: Final = re.compile(r"(controller\.\w+\.kernels)\.(\w+)")


@cache
def stamp_of(module: str, package: str = _KERNELS) -> str:
    """A hash of the sources of a module of kernels and of all those that it imports, directly or not."""
    sources: dict[tuple[str, str], bytes] = {}
    wanted = [(package, module), (_KERNELS, "compiling")]
    while wanted:
        name = wanted.pop()
        if name not in sources:
            sources[name] = (files(name[0]) / f"{name[1]}.py").read_bytes()
            wanted += _IMPORT.findall(sources[name].decode())
    digest = sha256()
    for name in sorted(sources):
        digest.update(".".join(name).encode() + b"\0" + sources[name])
    return digest.hexdigest()


class _StampOfAll:
    """A locator that takes a kernel for fresh as long as neither its source nor that of any it could call changes."""

    _py_file: str

    def get_source_stamp(self) -> str:
        *_, room, kernels, file = self._py_file.replace("\\", "/").split("/")
        return stamp_of(file.removesuffix(".py"), f"controller.{room}.{kernels}")


class Provided(_StampOfAll, UserProvidedCacheLocator):
    """Where ``NUMBA_CACHE_DIR`` says."""


class InTree(_StampOfAll, InTreeCacheLocator):
    """Beside the sources."""


class UserWide(_StampOfAll, UserWideCacheLocator):
    """In the user's cache directory."""


_LOCATORS = ",".join(f"{__name__}.{locator.__name__}" for locator in (Provided, InTree, UserWide))


def kernel(function: F) -> F:
    """Compile on first call, without the GIL, integers only: overflow wraps, indices are not checked.

    A kernel must not allocate (``allocating_kernel`` may). In return its arrays are not counted as they are passed on,
    which would take more time than a short search: a factor of five on 50 nodes.
    """
    return _compiled(function, _nrt=False)


def inlined_kernel(function: F) -> F:
    """As ``kernel``, for what is called for each question, or in the innermost loop: it becomes a part of its caller.

    A group of arrays is handed over as 160 machine words, which a call that takes 100 ns cannot afford.
    """
    return _compiled(function, _nrt=False, forceinline=True)


def allocating_kernel(function: F) -> F:
    """As ``kernel``, for what needs arrays of its own."""
    return _compiled(function, _nrt=True)  # said so, as a caller that may not would pass its flags on


def _compiled(function: F, **options: bool) -> F:
    others = config.CACHE_LOCATOR_CLASSES
    config.CACHE_LOCATOR_CLASSES = _LOCATORS
    try:
        compiled: F = njit(cache=True, nogil=True, error_model="numpy", **options)(function)
    finally:
        config.CACHE_LOCATOR_CLASSES = others
    return compiled
