// Placeholder until the first file of PacketNodes lands.
