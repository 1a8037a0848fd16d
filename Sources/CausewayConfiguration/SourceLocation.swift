/// A place in a file, or a setting of the command line.
public struct SourceLocation: Hashable, Sendable, Codable {
    /// The file's path as it was given, or the command-line option with its text.
    public var file: String
    /// From 1; 0: the place is a command-line option and has no line.
    public var line: Int
    /// From 1, counted in Unicode scalars; 0: as for `line`.
    public var column: Int

    /// Creates one from its parts.
    public init(file: String, line: Int, column: Int) {
        self.file = file
        self.line = line
        self.column = column
    }

    /// The place of a command-line option such as `--set node0.heap=256M`.
    public init(commandLine option: String) {
        self.init(file: option, line: 0, column: 0)
    }
}

extension SourceLocation: CustomStringConvertible {
    /// `file:line:column`, or the option alone.
    public var description: String { line > 0 ? "\(file):\(line):\(column)" : file }
}

/// A value with the place where it was written.
struct Located<Value> {
    var value: Value
    var location: SourceLocation

    init(_ value: Value, at location: SourceLocation) {
        self.value = value
        self.location = location
    }

    /// The value mapped by `transform`, at the same place.
    func map<Other>(_ transform: (Value) -> Other) -> Located<Other> {
        Located<Other>(transform(value), at: location)
    }
}

extension Located: Sendable where Value: Sendable {}
extension Located: Equatable where Value: Equatable {}
extension Located: Hashable where Value: Hashable {}
