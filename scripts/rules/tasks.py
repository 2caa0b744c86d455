"""No task without a TaskGroup that waits for it: an orphan's error is lost, and nobody stops it at shutdown."""

import ast
from collections.abc import Iterator
from pathlib import PurePosixPath

from scripts.rules.finding import Finding, last_name

INSTEAD = "start it in an asyncio.TaskGroup (`async with asyncio.TaskGroup() as tasks`, or a parameter of that type)"


def check(path: PurePosixPath, tree: ast.Module) -> Iterator[Finding]:
    """Find tasks that are started outside a TaskGroup which this file can be seen to hold."""
    groups = _task_groups(tree)
    for node in ast.walk(tree):
        match node:
            case ast.ImportFrom(module="asyncio", names=names):
                for alias in names:
                    if alias.name in {"create_task", "ensure_future"}:
                        yield Finding(path, node.lineno, "tasks", alias.name, f"'{alias.name}' is bare", INSTEAD)
            case ast.Call(func=ast.Attribute(value=receiver, attr="create_task")):
                if last_name(receiver) not in groups:
                    yield Finding(path, node.lineno, "tasks", "create_task", "'create_task' is bare", INSTEAD)
            case ast.Attribute(attr="ensure_future"):
                yield Finding(path, node.lineno, "tasks", "ensure_future", "'ensure_future' is bare", INSTEAD)
            case _:
                pass


def _task_groups(tree: ast.Module) -> set[str]:
    """Names (the last part of them) that hold a TaskGroup: opened by `async with`, annotated, or assigned from one."""
    bindings = [binding for node in ast.walk(tree) for binding in _bindings(node)]
    groups = {name for name, value in bindings if "TaskGroup" in value}
    return groups | {name for name, value in bindings if value.rpartition(".")[2] in groups}


def _bindings(node: ast.AST) -> Iterator[tuple[str, str]]:
    """Names that the node binds, each with the source text of what it says about them."""
    target: ast.expr | None
    match node:
        case ast.arg(arg=name, annotation=ast.expr() as annotation):
            yield name, ast.unparse(annotation)
            return
        case ast.withitem(context_expr=value, optional_vars=target):
            pass
        case ast.AnnAssign(target=target, annotation=value) | ast.Assign(targets=[target], value=value):
            pass
        case _:
            return
    bound = None if target is None else last_name(target)
    if bound is not None:
        yield bound, ast.unparse(value)
