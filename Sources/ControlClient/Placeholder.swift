// Placeholder until the first file of ControlClient lands.
