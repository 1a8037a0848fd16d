internal import NIOCore
internal import NIOHTTP1

/// Collects the body of one answer.
final class AnswerCollector: ChannelInboundHandler {
    typealias InboundIn = HTTPClientResponsePart

    private let answer: EventLoopPromise<[UInt8]>
    private let limit: Int
    private var body: [UInt8] = []
    private var isDone = false

    init(_ answer: EventLoopPromise<[UInt8]>, limit: Int) {
        self.answer = answer
        self.limit = limit
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head: break
        case .body(let part):
            guard body.count + part.readableBytes <= limit else {
                return fail(AnswerFault(reason: "it has more than \(limit) bytes"), context)
            }
            body.append(contentsOf: part.readableBytesView)
        case .end:
            isDone = true
            answer.succeed(body)
            context.close(promise: nil)
        }
    }

    func channelInactive(context: ChannelHandlerContext) {
        fail(AnswerFault(reason: "the connection ended"), context)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error, context) }

    private func fail(_ error: any Error, _ context: ChannelHandlerContext) {
        guard !isDone else { return }
        isDone = true
        answer.fail(error)
        context.close(promise: nil)
    }
}

/// Why an answer is not complete.
struct AnswerFault: Error, CustomStringConvertible {
    var reason: String
    var description: String { reason }
}
