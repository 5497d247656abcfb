"""Modules that import each other in a circle, whether at their top, within a function, or for their types alone."""

import ast
from collections.abc import Iterator, Mapping


def circles(trees: Mapping[str, ast.Module]) -> list[list[str]]:
    """Each group of modules of which every one imports every other, by others or at once. `trees` are modules by their dotted names."""
    imports = {name: {found for found in imported(tree, trees) if found != name} for name, tree in trees.items()}
    reach = {name: _reached(name, imports) for name in imports}
    groups = {tuple(sorted(other for other in reach[name] if name in reach[other])) for name in imports if name in reach[name]}
    return [list(group) for group in sorted(groups)]


def imported(tree: ast.Module, known: Mapping[str, ast.Module]) -> Iterator[str]:
    """The known modules that a module imports."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom) and node.module:
            within = [f"{node.module}.{name.name}" for name in node.names]
            modules = [name for name in within if name in known]
            yield from modules
            if len(modules) < len(within) and node.module in known:
                yield node.module


def _reached(name: str, imports: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    waiting = list(imports[name])
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += imports[one]
    return found
