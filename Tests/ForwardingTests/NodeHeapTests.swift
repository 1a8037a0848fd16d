import LinuxSystem
import Testing

@Suite struct NodeHeapTests {
    private func heap(_ byteCount: Int) throws -> NodeHeap {
        try NodeHeap(byteCount: byteCount, hugepageBytes: nil, numaNode: nil)
    }

    @Test func answersNilWhenItIsFullAndServesAgainAfterwards() throws {
        let heap = try heap(1 << 20)
        var blocks: [UnsafeMutableRawPointer] = []
        while let block = heap.allocate(byteCount: 1024) { blocks.append(block) }
        #expect(blocks.count == 1024)
        #expect(heap.freeBytes == 0 && heap.usedBytes == heap.totalBytes)
        #expect(heap.allocate(byteCount: 1) == nil)
        for block in blocks { heap.deallocate(block, byteCount: 1024) }
        #expect(heap.usedBytes == 0)
        // The pages of one size serve another, and all of them one large block.
        let whole = try #require(heap.allocate(byteCount: 1 << 20))
        heap.deallocate(whole, byteCount: 1 << 20)
        #expect(heap.allocate(byteCount: (1 << 20) + 1) == nil)
        #expect(heap.allocate(byteCount: 64) != nil)
    }

    @Test func alignsBlocks() throws {
        let heap = try heap(16 << 20)
        for alignment in [1, 64, 128, 512, 4096, 1 << 16, 1 << 21] {
            for byteCount in [1, 64, 100, 1088, 5000, 70_000] {
                let block = try #require(
                    heap.allocate(byteCount: byteCount, alignment: alignment)
                )
                #expect(Int(bitPattern: block) % max(alignment, 64) == 0)
                heap.deallocate(block, byteCount: byteCount)
            }
        }
        #expect(heap.usedBytes == 0)
    }

    @Test(arguments: [1, 2, 3] as [UInt64])
    func givesZeroedBlocksThatNeverOverlap(seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let heap = try heap(8 << 20)
        var live: [(block: UnsafeMutableRawPointer, byteCount: Int, mark: UInt8)] = []
        var refused = 0
        for step in 0..<20_000 {
            if live.isEmpty || Int.random(in: 0..<100, using: &random) < 55 {
                let sizes = [64, 64, 64, 128, 1000, 1088, 3000, 20_000, 65_536, 300_000]
                let byteCount = sizes.randomElement(using: &random) ?? 64
                guard let block = heap.allocate(byteCount: byteCount) else {
                    refused += 1
                    continue
                }
                let bytes = UnsafeRawBufferPointer(start: block, count: byteCount)
                guard bytes.allSatisfy({ $0 == 0 }) else {
                    Issue.record("seed \(seed), step \(step): \(byteCount) bytes are not zero")
                    return
                }
                let mark = UInt8(truncatingIfNeeded: step) | 1
                block.initializeMemory(as: UInt8.self, repeating: mark, count: byteCount)
                live.append((block, byteCount, mark))
            } else {
                let index = Int.random(in: 0..<live.count, using: &random)
                let (block, byteCount, mark) = live.remove(at: index)
                let bytes = UnsafeRawBufferPointer(start: block, count: byteCount)
                guard bytes.allSatisfy({ $0 == mark }) else {
                    Issue.record("seed \(seed), step \(step): a block was written over")
                    return
                }
                heap.deallocate(block, byteCount: byteCount)
            }
        }
        #expect(refused > 0, "seed \(seed): the heap was never full")
        for entry in live { heap.deallocate(entry.block, byteCount: entry.byteCount) }
        #expect(heap.usedBytes == 0, "seed \(seed)")
        #expect(
            heap.allocate(byteCount: heap.totalBytes) != nil,
            "seed \(seed): pieces are not joined"
        )
    }

    @Test func saysHowManyHugepagesAreMissing() {
        let byteCount = 100 << 30
        do throws(NodeHeapError) {
            _ = try NodeHeap(byteCount: byteCount, hugepageBytes: 1 << 21, numaNode: nil)
            Issue.record("100 GiB of hugepages were found")
        } catch {
            #expect(
                error.description.hasPrefix("51200 hugepages of 2 MiB are needed on this machine")
            )
        }
        do throws(NodeHeapError) {
            _ = try NodeHeap(byteCount: byteCount, hugepageBytes: 1 << 21, numaNode: 0)
            Issue.record("100 GiB of hugepages were found")
        } catch {
            #expect(error.description.contains("on NUMA node 0"))
        }
    }

    @Test func refusesSizesWithoutMeaning() {
        for (byteCount, page) in [(0, nil), (-1, nil), (1 << 20, 3000), (1 << 40, nil)]
            as [(Int, Int?)]
        {
            #expect(throws: NodeHeapError.self) {
                try NodeHeap(byteCount: byteCount, hugepageBytes: page, numaNode: nil)
            }
        }
    }
}
