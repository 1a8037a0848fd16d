// Placeholder until the first file of NodeRuntime lands.
