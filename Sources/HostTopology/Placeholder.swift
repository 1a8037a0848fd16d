// Placeholder until the first file of HostTopology lands.
