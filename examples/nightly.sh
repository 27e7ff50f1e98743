#!/usr/bin/env bash
# For cron: imports the files of a folder, checks the metrics, and tells somebody when an exit code says so. It is silent
# when all is well, and may be killed, run again or run twice at once: what is imported already is skipped.
#
#   15 3 * * *  EA_FILES=/srv/events EA_CHECKS=/srv/metrics.yaml /srv/nightly.sh
#
# EA_FILES   the folder with the files to import
# EA_CHECKS  the file of checks
# EA_ALERT   a program that tells people: it gets the subject as its argument and the text on stdin, such as
#            a script with `mail -s "$1" team@example.org`; without it all goes to stderr, which cron mails
# EA         the program (default: ea)
# DATABASE_URL and the other variables of ea are passed on.
#
# Exit code: that of `ea check`, or if that is 0 that of `ea import`; 75: busy, try later.
set -uo pipefail

files=${EA_FILES:?the folder with the files to import}
checks=${EA_CHECKS:?the file of checks}
ea=${EA:-ea}

output=$(mktemp) || exit 1
trap 'rm -f "$output"' EXIT

# $1: the subject. The text is what the last command printed.
tell() {
  if [ -n "${EA_ALERT:-}" ]; then
    "$EA_ALERT" "$1" <"$output"
  else
    { printf '%s\n\n' "$1" && cat "$output"; } >&2
  fi
}

# The next import goes on where this one stopped, so there is nothing to tell yet.
leave_if_not_done() {
  case $1 in
    75 | 130 | 143) exit "$1" ;;
  esac
}

"$ea" import "$files" --wait 30m >"$output" 2>&1
imported=$?
leave_if_not_done "$imported"
case $imported in
  0) ;;
  3) tell 'ea: a file was refused, too many of its records are rejected' ;;
  4) tell 'ea: a file could not be read' ;;
  5)
    tell 'ea: the database cannot be reached or is not migrated'
    exit 5
    ;;
  *)
    tell "ea: the import failed with exit code $imported"
    exit "$imported"
    ;;
esac

# Also after a refused file: what was imported before can still be checked.
"$ea" check "$checks" >"$output" 2>&1
checked=$?
leave_if_not_done "$checked"
case $checked in
  0) ;;
  6) tell 'ea: a metric broke its promise' ;;
  7) tell 'ea: a check could not be decided' ;;
  2) tell 'ea: the file of checks is wrong, nothing was checked' ;;
  5) tell 'ea: the database cannot be reached or is not migrated' ;;
  *) tell "ea: the checks failed with exit code $checked" ;;
esac

if [ "$checked" -ne 0 ]; then exit "$checked"; fi
exit "$imported"
