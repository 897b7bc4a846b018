#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# check.sh PROGRAM: `check` and `list` as a user meets them: exit codes, what goes to which output.
set -u
program=${1:?usage: check.sh PROGRAM}
dir=$(mktemp -d "${TMPDIR:-/tmp}/vfio-stress-check.XXXXXX")
trap 'rm -rf "$dir"' EXIT
bad=0

# expect CODE PATTERN ARGUMENTS...: the exit code, and a line of either output that matches.
expect()
{
	local code=$1 pattern=$2 rc=0

	shift 2
	"$program" "$@" >"$dir/out" 2>"$dir/err" </dev/null || rc=$?
	[ $rc = "$code" ] || { echo "$*: exit $rc, not $code" >&2; bad=1; }
	grep -q -e "$pattern" "$dir/out" "$dir/err" || {
		echo "$*: nothing matches '$pattern':" >&2
		cat "$dir/out" "$dir/err" >&2
		bad=1
	}
}

cat >"$dir/good.yaml" <<'X'
version: 1
name: good
vars: {domain: vm}
lanes: [{domain: "${domain}", ready: {serial: "login:"}}]
steps: [start, {hold: 1s}, destroy]
report: [{json: "${env:STRESS_CHECK_TEST}/run.json"}]
X
printf 'version: 1\nname: t\nlanes:\n\t- domain: vm\n' >"$dir/tab.yaml"
head -c 4096 /dev/urandom >"$dir/binary.yaml"
truncate -s 100M "$dir/huge.yaml"

unset STRESS_CHECK_TEST
expect 0 '^lane vm: domain vm' check "$dir/good.yaml"
expect 0 '^lane other: domain other' check --set domain=other "$dir/good.yaml"
expect 0 "^not checked: report: environment variable 'STRESS_CHECK_TEST' is not set" \
	check "$dir/good.yaml"
expect 3 '^not checked: ' check --strict "$dir/good.yaml"
export STRESS_CHECK_TEST=s3cret
expect 0 '^lane vm' check "$dir/good.yaml"
! grep -q s3cret "$dir/out" "$dir/err" || { echo "the value of an environment variable is shown" >&2; bad=1; }

cat >"$dir/budget.yaml" <<'X'
version: 1
name: budget
lanes: [{domain: vm}]
steps: [start, destroy]
tolerate: [{fault: vfio.busi, count: 1}, {fault: vfio.*, count: 1}]
faults: [rules.yaml]
X
expect 2 "rules.yaml: error: No such file" check "$dir/budget.yaml"
sed -i '/^faults/d' "$dir/budget.yaml"
expect 0 "warning: no rule has the id 'vfio.busi'" check "$dir/budget.yaml"

for scenario in "$(dirname "$0")"/../../scenarios/*.yaml; do
	expect 0 '^expected duration: ' check "$scenario"
	[ ! -s "$dir/err" ] || { echo "$scenario: not without a word:" >&2; cat "$dir/err" >&2; bad=1; }
done

# nothing that a host runs, or takes for settings, is replaced by a report
for place in 'json: home/.bashrc' "html: {path: '\${env:STRESS_CHECK_TEST}'}" 'text: run.json'; do
	sed "s|^report.*|report: [{$place}]|" "$dir/good.yaml" >"$dir/name.yaml"
	expect 2 'name.yaml:6:[0-9]*: error: .* does not end in \.' check "$dir/name.yaml"
done

# what is wrong with an option is shown at the option
cat >"$dir/options.yaml" <<'X'
version: 1
name: options
lanes: [{devices: [0000:01:00.0]}, {devices: [0000:01:00.0]}]
stepps: []
steps:
  - reset: flrr
  - rebind: {driver: "../x"}
  - check: {link-width: 16, link-speed: fast}
X
expect 2 "options.yaml:3:47: error: '0000:01:00.0' is already in lane" check "$dir/options.yaml"
expect 2 "options.yaml:4:1: error: unknown key 'stepps'" check "$dir/options.yaml"
expect 2 "did you mean 'steps'" check "$dir/options.yaml"
sed -i '/^stepps/d; s/, {devices: .*}]/]/' "$dir/options.yaml"
expect 2 "options.yaml:5:12: error: unknown reset method 'flrr'" check "$dir/options.yaml"
expect 2 "options.yaml:6:22: error: '../x' is no name of a driver" check "$dir/options.yaml"
expect 2 "options.yaml:7:41: error: 'fast' is no link speed" check "$dir/options.yaml"

expect 2 'No such file' check "$dir/absent.yaml"
(cd "$dir" && expect 2 "looked for in $dir" check absent.yaml && exit $bad) || bad=1
expect 2 'is a directory' check "$dir"
expect 2 'tab.yaml:4:1: error: a tab' check "$dir/tab.yaml"
expect 2 'binary file\|not UTF-8\|control character' check "$dir/binary.yaml"
expect 2 'is larger than 1024 KiB' check "$dir/huge.yaml"
expect 2 'the scenario has no such variable' check --set nothing=1 "$dir/good.yaml"
expect 2 'is not NAME=VALUE' check --set domain "$dir/good.yaml"
expect 2 'SCENARIO is missing' check
expect 2 'hint: vfio-stress check --help' check a b
expect 2 "option '--set' needs NAME=VALUE" check "$dir/good.yaml" --set
! grep -q 'did you mean' "$dir/err" || { echo "what lacks a value was not misspelt" >&2; bad=1; }
expect 2 "did you mean '--strict'" check --strct "$dir/good.yaml"
expect 2 'hint: vfio-stress check --help' check --nonsense "$dir/good.yaml"
expect 2 "did you mean 'check'" chek
expect 2 'vfio-stress --help lists them' nonsense

expect 0 '^  check ' help
expect 0 '^usage: vfio-stress check ' help check
expect 2 "did you mean 'check'" help chek

expect 0 '^hold: <' list steps
expect 0 '^any step:' list steps start
expect 2 "did you mean 'start'" list steps strat
expect 0 '^json' list reporters
expect 0 '^vfio.reset-recovery  *warning' list faults
expect 0 '^    advice: ' list faults vfio.busy
expect 2 "did you mean 'vfio.busy'" list faults vfio.bussy
expect 0 '^steps' list
expect 2 "did you mean 'steps'" list step
expect 2 'does not select a device' list resets flrr

# what was cut short does not look whole; what nobody wants is no error
rc=0
"$program" list steps >/dev/full 2>"$dir/err" || rc=$?
[ $rc = 3 ] && grep -q 'No space left' "$dir/err" || { echo "a full output: exit $rc" >&2; bad=1; }
rc=0
"$program" check "$dir/good.yaml" <&- >&- 2>&- || rc=$?
[ $rc = 0 ] || { echo "closed descriptors: exit $rc" >&2; bad=1; }

exit $bad
