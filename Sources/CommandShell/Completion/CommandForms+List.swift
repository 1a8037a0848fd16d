extension CommandForms {
    /// A command's form and what it is for.
    typealias Form = (syntax: String, summary: String)

    /// In the order in which `help` lists them.
    static let list: [Form] = parse(text)

    /// Reads a list: a form begins at a line's start and goes on in lines with a blank before them;
    /// behind `>`, in one line or more, stands what it is for.
    static func parse(_ text: String) -> [Form] {
        var forms: [Form] = []
        for line in text.split(separator: "\n") {
            if line.hasPrefix("> ") {
                guard let last = forms.indices.last else { continue }
                forms[last].summary += (forms[last].summary.isEmpty ? "" : " ") + line.dropFirst(2)
            } else if line.hasPrefix(" ") {
                if !forms.isEmpty { forms[forms.count - 1].syntax += line }
            } else {
                forms.append((String(line), ""))
            }
        }
        return forms
    }
}
