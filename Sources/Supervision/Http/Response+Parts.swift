internal import HTTPTypes
internal import HummingbirdCore
internal import NIOCore

extension Response {
    /// Bytes of a part of an answer.
    private static var partBytes: Int { 1 << 16 }

    /// An answer that is cut so that a client which takes it slowly is seen to take it.
    static func inParts(
        _ status: HTTPResponse.Status,
        type: String,
        _ body: [UInt8]
    ) -> Response {
        var rest = ByteBuffer(bytes: body)
        var parts: [ByteBuffer] = []
        while let part = rest.readSlice(length: min(rest.readableBytes, partBytes)),
            part.readableBytes > 0
        {
            parts.append(part)
        }
        return Response(
            status: status,
            headers: [.contentType: type],
            body: ResponseBody(contentsOf: parts)
        )
    }
}
