#!/bin/sh
# The arguments of registry:2's image: a configuration file, a command of `registry`, or any other program.
set -e
case "${1-serve}" in
  *.yaml | *.yml) set -- registry serve "$@" ;;
  serve | garbage-collect | help | -*) set -- registry "${@:-serve}" ;;
esac
exec "$@"
