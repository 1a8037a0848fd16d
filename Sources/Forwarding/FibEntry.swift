/// A word of the forwarding table, and how it reads.
///
/// Bits 0...23 are the leaf and bits 24...29 the length of the prefix that put it there: an insertion replaces
/// what has its own length or less, a removal what has exactly its length. With bit 31 set the word
/// is no leaf but names an extension block, by its distance from the heap's base in lines of 64 bytes.
/// The zero word is an address that no prefix of length 1 or more covers.
@usableFromInline
enum FibEntry {
    @inlinable static var leafMask: UInt32 { 0x00FF_FFFF }
    @inlinable static var extensionFlag: UInt32 { 0x8000_0000 }
    static var depthShift: UInt32 { 24 }
    @inlinable static var lineShift: Int { 6 }

    static func make(leaf: UInt32, length: Int) -> UInt32 {
        leaf | UInt32(truncatingIfNeeded: length) << depthShift
    }

    static func make(coverLength: Int, coverLeaf: UInt32) -> UInt32 {
        // The default route is not in the table: it is what the zero word stands for.
        coverLength == 0 ? 0 : make(leaf: coverLeaf, length: coverLength)
    }

    static func isExtension(_ word: UInt32) -> Bool { word >= extensionFlag }

    /// The prefix length of a leaf word; 128 and more for an extension.
    static func depth(_ word: UInt32) -> UInt32 { word >> depthShift }
}
