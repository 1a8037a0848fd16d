// Placeholder until the first file of Routing lands.
