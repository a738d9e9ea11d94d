# SPDX-License-Identifier: GPL-2.0
# Makes KTAP lines of what a test program prints: TAP and KTAP lines stay as they
# are, the result lines of Meson ("3/12 name OK 0.02s") and of pytest
# ("test_file.py::test_name PASSED [ 5%]") become such.

/^ *(not )?ok / || /^ *Bail out!/ || /^ *#/ {
	print
	next
}

match($0, /^ *[0-9]+\/[0-9]+ +/) {
	line = substr($0, RLENGTH + 1)
	if (!match(line, / +(OK|EXPECTEDFAIL|FAIL|UNEXPECTEDPASS|ERROR|TIMEOUT|INTERRUPT|SKIP) +[0-9.]+s/))
		next
	name = substr(line, 1, RSTART - 1)
	split(substr(line, RSTART, RLENGTH), word, " ")
	if (word[1] == "SKIP")
		print "ok " ++n " " name " # SKIP"
	else if (word[1] == "OK" || word[1] == "EXPECTEDFAIL")
		print "ok " ++n " " name
	else
		print "not ok " ++n " " name " # " word[1]
}

match($0, /^[^ ]+::.+ (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)( |$)/) {
	name = $0
	sub(/ (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS).*/, "", name)
	verdict = substr($0, length(name) + 2)
	sub(/ .*/, "", verdict)
	if (verdict == "SKIPPED")
		print "ok " ++n " " name " # SKIP"
	else if (verdict == "PASSED" || verdict == "XFAIL")
		print "ok " ++n " " name
	else
		print "not ok " ++n " " name " # " verdict
}
