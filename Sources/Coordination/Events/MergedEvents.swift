/// The events of several logs in the order of their times.
public struct MergedEvents: Sendable {
    /// Where an event stands.
    public struct Place: Hashable, Sendable {
        /// The position of its log in `readings`.
        public var reading: Int
        /// Its position there.
        public var event: Int
    }

    /// The logs.
    public let readings: [EventReading]
    /// All events, oldest first; those of one moment in the order of their logs.
    public let order: [Place]

    /// Merges logs of one machine; the clock is common to them.
    public init(_ readings: [EventReading]) {
        self.readings = readings
        var places: [(tsc: UInt64, place: Place)] = []
        places.reserveCapacity(readings.reduce(0) { $0 + $1.events.count })
        for (index, reading) in readings.enumerated() {
            for (position, event) in reading.events.enumerated() {
                places.append((event.tsc, Place(reading: index, event: position)))
            }
        }
        places.sort {
            ($0.tsc, $0.place.reading, $0.place.event) < ($1.tsc, $1.place.reading, $1.place.event)
        }
        order = places.map(\.place)
    }

    /// An event and the log that has it.
    public subscript(_ place: Place) -> (reading: EventReading, event: Event) {
        (readings[place.reading], readings[place.reading].events[place.event])
    }
}
