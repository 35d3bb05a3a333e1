"""The commands; one file each.

`program` names them and maps every ending to an exit code. A command function imports what
it needs when it is called, so that `--version` and `--help` cost almost nothing.
"""
