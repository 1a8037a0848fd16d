/// What shells run to complete `causewayctl`'s command lines.
///
/// Each asks `causewayctl complete`, which asks the running instance.
public enum CompletionScript: String, CaseIterable, Sendable {
    case bash, zsh, fish

    /// The options of `causewayctl`, with whether a value follows.
    public static let options: [(name: String, takesValue: Bool)] = [
        ("--socket", true), ("-s", true), ("--json", false), ("--runtime-dir", true),
        ("--watch", true), ("--once", false), ("--version", false), ("--help", false),
    ]

    /// The commands of `causewayctl` itself.
    public static let ownCommands: [(word: String, help: String)] = [
        ("complete", "what may follow a command line"),
        ("completion", "a script for bash, zsh or fish"),
    ]

    /// The script.
    public var text: String {
        switch self {
        case .bash: Self.bashText
        case .zsh: Self.zshText
        case .fish: Self.fishText
        }
    }

    private static let bashText = """
        # bash completion of causewayctl: source it, or save it as
        # /usr/share/bash-completion/completions/causewayctl
        _causewayctl() {
            local line last words
            # bash takes words apart at colons as well: they are read anew, and what stands before a colon is left out
            # of what it inserts.
            read -ra words <<<"${COMP_LINE:0:COMP_POINT}"
            if [[ ${COMP_LINE:0:COMP_POINT} == *[[:blank:]] ]]; then words+=(""); fi
            last=${words[${#words[@]} - 1]}
            COMPREPLY=()
            while IFS= read -r line; do
                line=${line%%$'\\t'*}
                COMPREPLY+=("${line#"${last%"${last##*:}"}"}")
            done < <("${words[0]}" complete -- "${words[@]:1}" 2>/dev/null)
        }
        complete -o nosort -F _causewayctl causewayctl

        """

    private static let zshText = """
        #compdef causewayctl
        # zsh completion of causewayctl: save it as _causewayctl in a folder of $fpath
        _causewayctl() {
            local -a found
            local line
            while IFS= read -r line; do
                found+=("${${line%%$'\\t'*}//:/\\\\:}:${line#*$'\\t'}")
            done < <("${words[1]}" complete -- "${(@)words[2,CURRENT]}" 2>/dev/null)
            _describe causewayctl found
        }
        if [[ ${funcstack[1]} == _causewayctl ]]; then _causewayctl "$@"; else compdef _causewayctl causewayctl; fi

        """

    private static let fishText = """
        # fish completion of causewayctl: save it as completions/causewayctl.fish
        function __causewayctl_complete
            set -l words (commandline -opc) (commandline -ct)
            $words[1] complete -- $words[2..-1] 2>/dev/null
        end
        complete -c causewayctl -f -a '(__causewayctl_complete)'

        """
}
