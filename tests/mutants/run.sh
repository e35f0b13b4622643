#!/bin/bash
# Breaks rules on purpose, one after the other, in a copy of this tree (in target/mutants), and shows who notices: the random
# worlds, and which other tests. `./dev mutants` runs it. Each patch here is one broken rule; its first line says which.
#
# mutants/run.sh [NAME...]      those alone; without names all of them
#
# The program alone is built anew for each: worlds and tests are those of the tree as it is. A patch that does not apply any
# more, a mutant that cannot be built and one that nobody notices are failures.
set -euo pipefail
root=$(cd "$(dirname "$(readlink -f "$0")")/../.." && pwd)
tried=(--short 0..120)
# One that has shown a fault which the others do not meet.
tried+=(--world short-13144928093)
# What is about rules, and nothing that takes long.
tests=(rules:: conflicts:: field:: words:: kept:: round::)

main() {
  local patches=() name patch
  if [ $# -eq 0 ]; then
    patches=("$root"/tests/mutants/*.patch)
  else
    for name in "$@"; do patches+=("$root/tests/mutants/$name.patch"); done
  fi
  # One place for all times, so that cargo knows it again; it holds a build of its own, too.
  work=$root/target/mutants
  export CARGO_TARGET_DIR=$work/target
  copy_tree
  cd "$work/tree"
  build_tests
  echo "mutants: ${#patches[@]}; every line is printed when it is known" >&2
  no_fault_without_a_mutant
  echo "| what is broken | mutant | worlds that notice | other tests that do |"
  echo "|---|---|---|---|"
  local faults=0
  for patch in "${patches[@]}"; do try "$patch" || faults=$((faults + 1)); done
  [ $faults -eq 0 ] || fail "$faults of ${#patches[@]} mutants could not be tried, or neither a world nor a test noticed"
}

copy_tree() {
  rm -rf "$work/tree"
  mkdir -p "$work/tree"
  (cd "$root" && git ls-files -z --cached --others --exclude-standard | tar --null -cf - -T -) | tar -xf - -C "$work/tree"
}

build_tests() {
  cargo build --quiet --bin packmule
  local built
  built=$(cargo test --no-run --test it --test soak 2>&1) || fail "$built"
  cp "$(executable tests/it/main.rs <<<"$built")" "$work/it"
  cp "$(executable tests/soak/main.rs <<<"$built")" "$work/soak"
}

executable() { sed -n "s|.*Executable.*$1 (\(.*\))|\1|p" | sed "s|^target/|$CARGO_TARGET_DIR/|"; }

no_fault_without_a_mutant() {
  [ -z "$(worlds_that_notice)" ] || fail "worlds fail although nothing is broken: $(worlds_that_notice)"
  [ -z "$(tests_that_notice)" ] || fail "tests fail although nothing is broken: $(tests_that_notice)"
}

try() {
  local patch=$1 name what worlds others
  [ -f "$patch" ] || fail "there is no $patch"
  name=$(basename "$patch" .patch)
  what=$(head -n 1 "$patch")
  if ! patch -p1 --fuzz=0 --silent <"$patch" >"$work/log" 2>&1; then
    echo "| $what | $name | the patch does not apply any more | |"
    cat "$work/log" >&2
    # Nothing half done for the next one.
    copy_tree
    cd "$work/tree"
    return 1
  fi
  if ! cargo build --quiet --bin packmule >"$work/log" 2>&1; then
    echo "| $what | $name | it cannot be built | |"
    cat "$work/log" >&2
    patch -p1 -R --silent <"$patch"
    return 1
  fi
  worlds=$(worlds_that_notice)
  others=$(tests_that_notice "$patch")
  patch -p1 -R --silent <"$patch"
  echo "| $what | $name | ${worlds:-NONE} | ${others:-none} |"
  [ -n "$worlds$others" ]
}

worlds_that_notice() {
  local failed
  # Four that notice are enough.
  "$work/soak" --quiet --failures 4 "${tried[@]}" >"$work/worlds.log" 2>&1 || true
  failed=$(sed -n 's/^failed  *//p' "$work/worlds.log")
  [ -n "$failed" ] || fail "the worlds came to no end: $(tail -n 5 "$work/worlds.log")"
  [ "$failed" = 0 ] || cut -d ' ' -f 2-5 <<<"$failed"
}

# tests_that_notice [PATCH]: of the pure tests those of the broken file's own module, which a build of their own needs.
tests_that_notice() {
  local failed module
  "$work/it" --test-threads 4 "${tests[@]}" >"$work/tests.log" 2>&1 || true
  grep -q '^test result' "$work/tests.log" || fail "the tests came to no end: $(tail -n 5 "$work/tests.log")"
  failed=$(failed_in "$work/tests.log")
  module=$(sed -n 's|^+++ b/src/\(conflict\)/.*|\1|p; s|^+++ b/src/\(capture\)/.*|\1|p' "${1:-/dev/null}")
  if [ -n "$module" ]; then
    cargo test --quiet --lib -- "$module::" >"$work/pure.log" 2>&1 || true
    grep -q '^test result' "$work/pure.log" || fail "the pure tests came to no end: $(tail -n 5 "$work/pure.log")"
    failed="$failed $(failed_in "$work/pure.log")"
  fi
  xargs -n1 <<<"$failed" | sort -u | awk 'NF { printf "%s%s", (n++ ? ", " : ""), $0 }'
}

# Where they are, and how many there.
failed_in() { sed -n 's/^    \([a-z_]*::[a-z_:]*\)::[a-z0-9_]*$/\1/p; s/^    \([a-z_]*\)::[a-z0-9_]*$/\1/p' "$1" | sort -u; }

fail() {
  echo "mutants: $*" >&2
  exit 1
}

main "$@"
