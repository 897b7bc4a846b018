#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# package.sh BUILD [--all]: the packages of a build. The .deb has what it should; dpkg installs it into a root of its
# own, upgrades it, and its removal leaves the store and nothing else. --all: lintian finds nothing, and the .rpm
# has the same files.
set -u
build=$(realpath "${1:?usage: package.sh BUILD [--all]}") all=${2-}
[ -f "$build/CPackConfig.cmake" ] || { echo "$build is not built"; exit 77; }
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-deb.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

wrong()
{
	echo "WRONG: $*" >&2
	bad=1
}

# quietly COMMAND...: shows the output only of what fails.
quietly()
{
	"$@" >"$dir/log" 2>&1 </dev/null || { tail -n 40 "$dir/log" >&2; wrong "failed: $*"; return 1; }
}

for tool in dpkg-deb dpkg-shlibdeps file; do
	command -v $tool >/dev/null || { echo "no $tool (\`tests/setup package\` installs it)"; exit 77; }
done
(cd "$build" && quietly cpack -G DEB -B "$dir") || exit 1

# Where dpkg-shlibdeps is absent, there is no .deb rather than one that depends on nothing.
mkdir "$dir/few"
ln -s "$(command -v file)" "$dir/few/"
before=$(sed -n 's/^set(CPACK_PROJECT_CONFIG_FILE "\(.*\)")$/\1/p' "$build/CPackConfig.cmake")
PATH=$dir/few "$(command -v cmake)" -D CPACK_GENERATOR=DEB -P "$before" >"$dir/log" 2>&1 && wrong "a .deb without dependencies"
grep -q 'no dpkg-shlibdeps: .tests/setup package. ' "$dir/log" || wrong "not said what a .deb needs: $(cat "$dir/log")"
deb=$(echo "$dir"/*.deb)

# What every installation has.
cat >"$dir/expected" <<X
/usr/bin/vfio-stress
/usr/share/bash-completion/completions/vfio-stress
/usr/share/doc/vfio-stress/changelog.gz
/usr/share/doc/vfio-stress/copyright
/usr/share/doc/vfio-stress/README.md
/usr/share/doc/vfio-stress/docs/contracts.md
/usr/share/doc/vfio-stress/docs/images/report.png
/usr/share/vfio-stress/scenarios/smoke.yaml
/usr/share/vfio-stress/schema/run-1.schema.json
/usr/share/vfio-stress/schema/scenario-1.schema.json
/usr/share/vfio-stress/templates/slack.json
/usr/share/zsh/vendor-completions/_vfio-stress
X
[ ! -d "$build/packaging/man" ] || cat >>"$dir/expected" <<X
/usr/share/man/man1/vfio-stress-run.1.gz
/usr/share/man/man1/vfio-stress.1.gz
/usr/share/man/man5/vfio-stress-scenario.5.gz
X
dpkg-deb --fsys-tarfile "$deb" | tar -t | sed -n 's|^\.\(/.*[^/]\)$|\1|p' | sort >"$dir/files"
while read -r file; do
	grep -qx "$file" "$dir/files" || wrong "the .deb lacks $file"
done <"$dir/expected"
dpkg-deb -f "$deb" Depends >"$dir/depends"
for library in libc6 libvirt0 libpci3 libyaml libsqlite3 libjansson4 libcurl4; do
	grep -q "$library" "$dir/depends" || wrong "the .deb does not depend on $library"
done

if [ -z "$all" ]; then
	:
elif command -v lintian >/dev/null; then
	LC_ALL=C.UTF-8 lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$deb" >"$dir/lintian" 2>&1 ||
		{ cat "$dir/lintian" >&2; wrong "lintian complains"; }
else
	echo "not tried: lintian on the .deb: it is not installed (package lintian)"
fi

if [ -z "$all" ]; then
	:
elif command -v rpmbuild >/dev/null; then
	(cd "$build" && quietly cpack -G RPM -B "$dir") || bad=1
	rpm -qpl "$dir"/*.rpm 2>/dev/null | sort >"$dir/rpm-files"
	while read -r file; do
		grep -qx "$file" "$dir/rpm-files" || wrong "the .rpm lacks $file"
	done <"$dir/expected"
else
	echo "not tried: the .rpm: there is no rpmbuild (package rpm)"
fi

as_root=()
if [ "$(id -u)" != 0 ]; then
	command -v fakeroot >/dev/null || { echo "not root and no fakeroot: nothing is installed"; exit $((bad ? 1 : 77)); }
	as_root=(fakeroot)
fi
# A root of its own: nothing of this machine is touched. The package has no dependencies there.
root=$dir/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
touch "$root/var/lib/dpkg/status"
in_root()
{
	quietly "${as_root[@]}" dpkg --root="$root" --force-depends --force-not-root --force-script-chrootless --log=/dev/null "$@"
}
in_root -i "$deb"
"$root/usr/bin/vfio-stress" version >"$dir/version" || wrong "the installed program does not run"
grep -qF "vfio-stress $(dpkg-deb -f "$deb" Version)" "$dir/version" || wrong "the .deb's version is not the program's"
mkdir -p "$root/var/lib/vfio-stress"
echo kept >"$root/var/lib/vfio-stress/runs.db"

mkdir "$dir/newer"
dpkg-deb -R "$deb" "$dir/newer"
find "$dir/newer/usr" -type f -not -path '*/bin/*' -not -path '*/doc/*' -exec zgrep -l /usr/local {} + >"$dir/local"
[ ! -s "$dir/local" ] || wrong "these look for the program's files elsewhere: $(cat "$dir/local")"
sed -i 's/^Version: .*/&+1/' "$dir/newer/DEBIAN/control"
rm "$dir/newer/usr/share/vfio-stress/scenarios/smoke.yaml"
sed -i '/smoke.yaml/d' "$dir/newer/DEBIAN/md5sums"
quietly dpkg-deb -b --root-owner-group "$dir/newer" "$dir/newer.deb"
in_root -i "$dir/newer.deb"
[ ! -e "$root/usr/share/vfio-stress/scenarios/smoke.yaml" ] || wrong "the upgrade left a file of the old version"
in_root -P vfio-stress
(cd "$root" && find . -path ./var/lib/dpkg -prune -o ! -type d -print) >"$dir/left"
[ "$(cat "$dir/left")" = ./var/lib/vfio-stress/runs.db ] || wrong "the removal left: $(cat "$dir/left")"
[ ! -d "$root/usr" ] || wrong "the removal left folders: $(find "$root/usr" | tail -n 3)"

exit $bad
