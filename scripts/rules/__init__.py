"""Our own lint rules: what neither ruff nor import-linter can see.

network   nothing on the phone's side but the gate opens a connection, or lets a library open one
tasks     no task without a TaskGroup that waits for it
output    only cli/ prints and exits
imports   imports stand at the top of the file
purity    protocol/ and every core/ take time, randomness and files as arguments

Each module has `check(path, tree)`: the file's path below src/ and its syntax tree in, findings out.
"""
