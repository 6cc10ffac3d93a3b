# shellcheck shell=bash
# SPDX-License-Identifier: MIT
# Programs of the npm registry, for tests that ask other people's programs. Source after lib.sh.

MODULES=$O/tests/node
PACKAGES="pprof-format@2.3.2 speedscope@1.25.0 ajv@8.17.1 playwright-core@1.56.1"

# Fetched once, into the build directory.
needs_modules() {
	needs_tool node npm
	[ "$(node -p 'process.versions.node.split(".")[0] >= 18')" = true ] || skip "node is older than 18"
	[ "$(cat "$MODULES/.packages" 2>/dev/null)" = "$PACKAGES" ] && return
	mkdir -p "$MODULES"
	# shellcheck disable=SC2086 # a list of words
	(cd "$MODULES" && echo '{"private": true}' >package.json &&
		timeout 80 npm install --silent --no-audit --no-fund $PACKAGES) >/dev/null 2>&1 ||
		skip "npm cannot fetch $PACKAGES"
	echo "$PACKAGES" >"$MODULES/.packages"
}
