// Placeholder until the first file of PacketBuffers lands.
