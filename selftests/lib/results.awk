# SPDX-License-Identifier: GPL-2.0
# Makes KTAP lines of what a test program prints: TAP and KTAP lines stay as they
# are, Meson's result lines ("3/12 name OK 0.02s") become such.

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
