# SPDX-License-Identifier: LGPL-2.1-or-later
# bash completion for blkreplctl, which knows best itself

_blkreplctl() {
	local cur=${COMP_WORDS[COMP_CWORD]}

	[ "$cur" != = ] || cur=
	mapfile -t COMPREPLY < <(blkreplctl complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
	case ${COMPREPLY[0]} in
	:files) mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	:hosts) mapfile -t COMPREPLY < <(compgen -A hostname -- "$cur") ;;
	*=) compopt -o nospace ;;
	esac
}

complete -F _blkreplctl blkreplctl
