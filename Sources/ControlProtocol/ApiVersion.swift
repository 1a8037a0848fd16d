internal import CPlugin

/// What this build calls itself.
public enum Build {
    /// The version, without a `v` before it.
    public static let version = CW_BUILD
}
