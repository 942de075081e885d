"""Bytecode for the functions: their disk is read-only, so that every cold start would compile all modules again."""

import compileall
import py_compile
import sys
from pathlib import Path

from chalicelib.errors import PackagingError


def compile_into(folder: Path, place: str) -> None:
    """Compile all modules below ``folder`` as if they lay in ``place``; valid whatever files' times are (PEP 552).

    Raises PackagingError where one can't be compiled.
    """
    done = compileall.compile_dir(
        folder, quiet=2, stripdir=str(folder), prependdir=place,
        invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
    )  # fmt: skip
    if not done:
        raise PackagingError("A module of the artefact can't be compiled.", "Run python -m compileall over it.")


def sourceless(folder: Path, keep: tuple[str, ...]) -> None:
    """Put bytecode in the place of the libraries' sources; what is ours keeps its own, which traces quote.

    Python takes a ``name.pyc`` where ``name.py`` would lie, and refuses one of another Python by name.
    """
    tag = sys.implementation.cache_tag
    for source in [path for path in folder.rglob("*.py") if path.relative_to(folder).parts[0] not in keep]:
        compiled = source.parent / "__pycache__" / f"{source.stem}.{tag}.pyc"
        if compiled.is_file():
            compiled.replace(source.with_suffix(".pyc"))
            source.unlink()
    for cache in sorted(folder.rglob("__pycache__"), reverse=True):
        if not any(cache.iterdir()):
            cache.rmdir()
