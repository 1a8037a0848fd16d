// Placeholder until the first file of Forwarding lands.
