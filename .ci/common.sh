# Sourced by the scripts beside it: where their state is, how they speak, how they get what is missing.
# shellcheck shell=bash disable=SC2034

# Outside the checkout: images that took minutes to build are there for the next clone as well.
release=trixie # has PostgreSQL 17, Redis 8 and compose 2
state=${CI_STATE:-/var/lib/backend-curriculum/engine}

say() { echo "${0##*/}: $*" >&2; }

die() {
  say "$@"
  exit 1
}

# quietly LOG COMMAND…: what it says goes to a log, which is shown if it fails.
quietly() {
  local log=$1
  shift
  "$@" >"$log" 2>&1 </dev/null || { tail -n 20 "$log" >&2; die "that failed; all of it is in $log"; }
}

# need COMMAND PACKAGE…: install Debian packages unless the command is there.
need() {
  command -v "$1" >/dev/null && return
  if [[ $EUID != 0 ]] || ! command -v apt-get >/dev/null; then
    die "$1 is missing, and only root on Debian can have it installed here. Install it yourself."
  fi
  say "installing ${*:2}"
  export DEBIAN_FRONTEND=noninteractive
  quietly "$state/apt.log" apt-get update -q
  quietly "$state/apt.log" apt-get install -y -q --no-install-recommends "${@:2}"
}

# The machine's own Debian mirror, whichever it is.
mirror() {
  local site
  # shellcheck disable=SC2016 # $(SITE) is apt's own
  site=$(apt-get indextargets --format '$(SITE)' 'Label: Debian' 'Identifier: Packages' | sed -n 1p)
  [[ $site ]] || die "apt names no Debian mirror on this machine"
  echo "$site"
}
