# The front door for people who work on Bellbuoy: `just` lists what there is.

default:
    @just --list

# Run the tests, in parallel
test *args:
    uv run pytest {{args}}

# Run the linters, the type checker and the import contracts
lint:
    uv run --group lint ruff check .
    uv run --group lint ruff format --check .
    uv run --group lint basedpyright
    uv run --group lint lint-imports

# Bring the layout of the code in order
format:
    uv run --group lint ruff check --fix .
    uv run --group lint ruff format .

# Measure speed and memory beside a plain baseline
bench *args:
    uv run --group bench python -m benchmarks {{args}}

# All that must be green before a change lands
ci:
    bash .ci/run
