"""The YANG library (libyang): what is valid, and JSON to XML and back. One per device profile; for one thread."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import oopt_gnpy_libyang as libyang
from lxml import etree

from controller.southbound.netconf.tree import Tree

# What is wrong comes as an error with its path; the library need not print it, too.
libyang.set_log_options(libyang.LogOptions.Store)

_PARTIAL = libyang.ParseOptions.Strict | libyang.ParseOptions.ParseOnly
_WHOLE = libyang.ParseOptions.Strict | libyang.ParseOptions.NoState
_ALL = libyang.PrintFlags.Shrink | libyang.PrintFlags.WithSiblings
_ALL_EVEN_EMPTY = _ALL | libyang.PrintFlags.EmptyContainers

_PREDICATES = r"""(?:\[[^=\]]+=(?:'[^']*'|"[^"]*")\])*"""
_STEP = re.compile(rf"/([^/\[]+)({_PREDICATES})")
_KEY = re.compile(r"""\[([^=\]]+)=(?:'[^']*'|"[^"]*")\]""")


class NotValid(Exception):
    """Data that the model does not allow; the message names the path in it and why."""


class Model:
    """Some YANG modules from a directory. ``ValueError`` when one is not there or is no YANG."""

    def __init__(self, modules: tuple[str, ...], directory: Path) -> None:
        options = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
        try:
            self._context = libyang.Context(str(directory), options)
            for module in modules:
                self._context.load_module(module)
        except (libyang.Error, libyang.ErrorWithCode) as error:
            raise ValueError(
                f"the YANG modules {', '.join(modules)} cannot be read from {directory}: {error}"
            ) from error

    def check(self, config: Tree) -> None:
        """``NotValid`` unless this is a whole configuration with all that it refers to."""
        self._parse(json.dumps(config), libyang.DataFormat.JSON, _WHOLE, libyang.ValidationOptions.NoState)

    def to_xml(self, part: Tree) -> list[etree._Element]:
        """The top-level elements of a part of a configuration. ``NotValid`` when a value cannot be; what it refers to
        may be elsewhere."""
        node = self._parse(json.dumps(part), libyang.DataFormat.JSON, _PARTIAL, None)
        printed = "" if node is None else node.print(libyang.DataFormat.XML, _ALL_EVEN_EMPTY)
        return list(etree.fromstring(f"<all>{printed}</all>"))

    def from_xml(self, elements: Iterable[etree._Element]) -> Tree:
        """The canonical tree of what a device sent. ``NotValid`` when it is not of these modules."""
        text = "".join(etree.tostring(element, encoding="unicode", with_tail=False) for element in elements)
        node = self._parse(text, libyang.DataFormat.XML, _PARTIAL, None) if text else None
        tree: Tree = {} if node is None else json.loads(node.print(libyang.DataFormat.JSON, _ALL))
        return tree

    def canonical(self, part: Tree) -> Tree:
        """The same with every value spelled as the library spells it."""
        return self.from_xml(self.to_xml(part))

    def list_keys(self, elements: Iterable[etree._Element]) -> dict[tuple[str, ...], tuple[str, ...]]:
        """The key leaves of each list that there is an entry of, by its path in local names; of a leaf-list ``.``, for
        its value. ``NotValid`` when the elements are not of these modules."""
        text = "".join(etree.tostring(element, encoding="unicode", with_tail=False) for element in elements)
        top = self._parse(text, libyang.DataFormat.XML, _PARTIAL, None) if text else None
        keys: dict[tuple[str, ...], tuple[str, ...]] = {}
        for root in () if top is None else top.siblings():
            for node in root.children_dfs():
                # /module:a/b[name='x']/c: steps, each a name and perhaps predicates
                steps = _STEP.findall(node.path)
                named = tuple(_KEY.findall(steps[-1][1]))
                if named:
                    keys[tuple(name.rpartition(":")[2] for name, _ in steps)] = named
        return keys

    def _parse(self, text: str, form: Any, how: Any, validation: Any) -> Any:
        try:
            return self._context.parse_data(text, form, how, validation)
        except libyang.ErrorWithCode as error:
            # The last one is the fault itself where several are noted.
            faults = [fault for fault in self._context.errors() if fault.message]
            raise NotValid(_words(faults[-1]) if faults else str(error)) from error
        finally:
            self._context.clean_all_errors()


def _words(fault: Any) -> str:
    return f"{fault.data_path}: {fault.message}" if fault.data_path else str(fault.message)
