# bash completion for installer, printed by `installer completions bash`
_installer() {
    local program=$1 line=${COMP_LINE:0:COMP_POINT} cur breaks cut='' word gap i
    local -a words=()
    # Bash splits words at `=` and `:`, too; what stands together on the line is one word.
    for ((i = 0; i <= COMP_CWORD; i++)); do
        gap=${line%%[![:space:]]*}
        line=${line#"$gap"}
        word=${COMP_WORDS[i]}
        # Of the last one only what is before the cursor.
        ((i < COMP_CWORD)) || word=$line
        if ((i > 0)) && [[ -z $gap ]]; then
            words[${#words[@]} - 1]+=$word
        else
            words+=("$word")
        fi
        line=${line#"$word"}
    done
    cur=${words[${#words[@]} - 1]}
    breaks=${COMP_WORDBREAKS//[^=:]/}
    if [[ -n $breaks ]]; then
        cut=${cur%"${cur##*["$breaks"]}"}
    fi
    local IFS=$'\n'
    mapfile -t COMPREPLY < <("${program/#\~/$HOME}" __complete bash -- "${words[@]}" 2>/dev/null)
    for i in "${!COMPREPLY[@]}"; do
        COMPREPLY[i]=${COMPREPLY[i]#"$cut"}
    done
    if ((${#COMPREPLY[@]} == 1)) && [[ ${COMPREPLY[0]} == *= ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o default -o bashdefault -F _installer installer
