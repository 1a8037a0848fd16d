import TestSupport
import Testing

/// Tests that start the real processes: as root, with hugepages and network namespaces, one at a
/// time.
@Suite(.serialized) struct SystemTests {}

extension Trait where Self == ConditionTrait {
    /// Skips, with the reason, where the dataplane cannot be started; with CI=true the test runs,
    /// and fails.
    static var needsDataplane: Self {
        let reason = Machine.lacksForDataplane()
        return .enabled(if: reason == nil || Machine.isContinuousIntegration, "\(reason ?? "")")
    }
}
