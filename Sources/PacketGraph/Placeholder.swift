// Placeholder until the first file of PacketGraph lands.
