#compdef installer
# zsh completion for installer, printed by `installer completions zsh`
_installer() {
    local program=${words[1]/#\~/$HOME} line value
    local -a values lines open
    for line in "${(@f)$("$program" __complete zsh -- "${(@Q)words[1,CURRENT-1]}" "${(Q)PREFIX}" 2>/dev/null)}"; do
        value=${line%%$'\t'*}
        [[ -n $value ]] || continue
        if [[ $value == *= ]]; then
            open+=("$value")
        else
            values+=("$value")
            lines+=("${line//$'\t'/  -- }")
        fi
    done
    if ((${#values} + ${#open} == 0)); then
        compset -P '*='
        _files
        return
    fi
    ((${#open})) && compadd -S '' -a open
    ((${#values})) && compadd -l -d lines -a values
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then
    _installer "$@"
else
    compdef _installer installer
fi
