// Placeholder until the first file of Coordination lands.
