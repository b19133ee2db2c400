#!/bin/sh
# Installs Paradex's own client into a folder of its own: LOCK FOLDER [PYTHON].  It needs Python 3.10; where there is
# none this says so and does nothing, as only the tests of test_paradex_py.py ask for it.
set -eu
lock=$1 folder=$2 named=${3:-}

is_310() { "$1" -c 'import ensurepip, sys, venv; sys.exit(sys.version_info[:2] != (3, 10))' >/dev/null 2>&1; }

if [ -n "$named" ]; then
	is_310 "$named" || { echo "PYTHON310=$named is no Python 3.10 that can make a venv; name another" >&2; exit 1; }
	python=$named
else
	python=
	for each in python3.10 "${PYENV_ROOT:-$HOME/.pyenv}"/versions/3.10*/bin/python python3; do
		if is_310 "$each"; then python=$each; break; fi
	done
fi
if [ -z "$python" ]; then
	echo "no Python 3.10 is found, so that paradex-py is not installed and the tests with it are skipped;" \
		"name one: make paradex-py PYTHON310=/path/to/python3.10"
	exit 0
fi
if [ -e "$folder/installed" ] && cmp -s "$lock" "$folder/installed" && is_310 "$folder/bin/python"; then
	exit 0
fi
echo "installing paradex-py into $folder (once; a minute or two)"
rm -rf "$folder"
"$python" -m venv "$folder"
"$folder/bin/python" -m pip install --quiet --require-hashes -r "$lock"
cp "$lock" "$folder/installed"
