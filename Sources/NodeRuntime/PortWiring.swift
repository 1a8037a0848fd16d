internal import ControlProtocol
internal import PacketBuffers
internal import PacketNodes
internal import SystemPackage

#if canImport(Glibc)
    internal import Glibc
#endif

/// A worker's ports: DPDK's numbers, the TAPs' descriptors, and which lane has which queue.
struct PortWiring {
    /// A port as the worker uses it.
    enum Access {
        case dpdk(number: UInt16)
        case tap([Int32])
    }

    private(set) var ports: [(configuration: PortConfiguration, access: Access)] = []

    init(configuration: WorkerConfiguration) throws(StartError) {
        var keeper: MessageChannel?
        for port in configuration.ports {
            switch port.kind {
            case .dpdk:
                do throws(DPDKError) {
                    let found = try EthernetPort.find(device: port.device)
                    ports.append((port, .dpdk(number: found.number)))
                } catch { throw StartError("\(error)") }
            case .tap:
                if keeper == nil { keeper = try Self.connect(configuration.keeperSocket) }
                guard let keeper else { continue }
                ports.append((port, .tap(try Self.descriptors(of: port, from: keeper))))
            }
        }
    }

    private static func connect(_ path: String) throws(StartError) -> MessageChannel {
        do throws(Errno) { return try MessageChannel.connect(path: path) } catch {
            throw StartError("the keeper at \(path) cannot be reached: \(error)")
        }
    }

    /// Asks the keeper for a TAP's descriptors; waits five seconds at most.
    private static func descriptors(
        of port: PortConfiguration,
        from keeper: MessageChannel
    ) throws(StartError) -> [Int32] {
        do throws(ChannelError) {
            try keeper.send(.tapDescriptors(interface: port.interface), request: 1)
            for _ in 0..<50 {
                var event = pollfd(fd: keeper.descriptor, events: Int16(POLLIN), revents: 0)
                _ = poll(&event, 1, 100)
                guard let received = try keeper.receive() else { continue }
                if case .result(let error, _) = received.message {
                    guard error.isEmpty, !received.descriptors.isEmpty else {
                        throw .malformed(.invalid(field: error, value: 0))
                    }
                    return received.descriptors
                }
            }
        } catch { throw StartError("port \(port.name): the keeper says: \(error)") }
        throw StartError("port \(port.name): the keeper did not give its descriptors within 5 s")
    }

    /// The DPDK queues that a lane polls.
    func dpdkQueues(lane: Int, of lanes: Int) -> [DpdkQueue] {
        ports.flatMap { port -> [DpdkQueue] in
            guard case .dpdk(let number) = port.access else { return [] }
            return (0..<Int(port.configuration.rxQueues)).filter { $0 % lanes == lane }.map {
                DpdkQueue(
                    port: number,
                    queue: UInt16($0),
                    interface: port.configuration.interface
                )
            }
        }
    }

    /// The TAP queues that a lane polls.
    func tapQueues(lane: Int, of lanes: Int) -> [TapQueue] {
        ports.flatMap { port -> [TapQueue] in
            guard case .tap(let descriptors) = port.access else { return [] }
            return descriptors.indices.filter { $0 % lanes == lane }.map {
                TapQueue(
                    descriptor: descriptors[$0],
                    interface: port.configuration.interface,
                    queue: UInt16($0)
                )
            }
        }
    }
}
