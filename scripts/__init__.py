"""What the house runs on: the Makefile's targets call these.

setup               builds .venv from requirements.lock, from nothing (sh: it runs before Python is known to work)
lock.py             makes requirements.lock from pyproject.toml
check_lock.py       tells, offline, whether the two are in step
check_gate.py       our own lint rules, read off the syntax tree; the rules are in rules/
run_tests.py        runs the test groups and ends with one table; groups.py and report.py are its parts
docs.py             regenerates the generated pages (generate_*.py), checks every link
"""
