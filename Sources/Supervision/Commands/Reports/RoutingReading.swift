internal import ControlProtocol
internal import Routing

extension FibReport {
    init(_ view: DataplaneView, within: IPv4Prefix?, limit: Int) { total = 0; prefixes = [] }
    init(_ view: DataplaneView, address: IPv4Address) { total = 0; prefixes = [] }
}
extension FibSummaryReport {
    init(_ view: DataplaneView) { total = 0; lengths = [] }
}
extension NeighboursReport {
    init(_ view: DataplaneView, only: String?) { neighbours = [] }
}
