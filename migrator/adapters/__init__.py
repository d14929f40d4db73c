"""What reaches out of the process: the person's hooks and probes, image registries, stack outputs, programs, the clock."""
