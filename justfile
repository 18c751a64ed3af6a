# Short names. What they do stands in the scripts and in CONTRIBUTING.md.

_default:
    @just --list

# Format everything
fmt:
    cargo fmt --all

# Format and lints, as scripts/test checks them
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets -- -D warnings

# Everything that must pass
test:
    scripts/test

# Measurements: just bench fanout --quick
bench *args:
    scripts/bench {{ args }}

# Micro-benchmarks of encode, append and fan-out
micro *args:
    cargo bench -p runcast {{ args }}

# The documentation of the code
doc:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps

# Licences, bans, sources, advisories, unused dependencies (cargo-deny and cargo-machete)
deny:
    cargo deny --workspace check
    cargo machete

# Fuzzing: seconds per target
fuzz seconds="60":
    scripts/fuzz {{ seconds }}
