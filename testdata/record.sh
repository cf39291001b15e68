#!/usr/bin/env bash
# Makes testdata/recorded again, or compares it with a fresh recording. See README.md beside this file.
set -euo pipefail
exec python3 -B "$(dirname "$0")/recorder" "$@"
