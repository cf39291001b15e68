# Runs a command with its output through gzip. The status is the command's, or gzip's where that fails. Prefixed to the
# scripts that need it.
unset GZIP
zipped() {
  { status=$({ { "$@" 3>&- 4>&-; echo $? >&3; } | gzip -1 3>&- >&4; } 3>&1); } 4>&1 || return
  return "$status"
}
