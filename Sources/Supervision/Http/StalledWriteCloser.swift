internal import NIOCore

/// Closes a connection whose client does not take what was written for too long.
///
/// Time runs from the first write that is not through yet, and anew whenever one is; so a slow
/// client is served and one that has stopped reading gives its connection back.
final class StalledWriteCloser: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = Any

    private let limit: TimeAmount
    private var pending = 0
    private var timer: Scheduled<Void>?

    init(limit: TimeAmount) { self.limit = limit }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        let written = promise ?? context.eventLoop.makePromise()
        pending += 1
        if timer == nil { watch(context) }
        written.futureResult.assumeIsolated().whenComplete { _ in
            self.pending -= 1
            self.timer?.cancel()
            self.timer = nil
            if self.pending > 0 { self.watch(context) }
        }
        context.write(data, promise: written)
    }

    private func watch(_ context: ChannelHandlerContext) {
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: limit) {
            context.close(promise: nil)
        }
    }
}
