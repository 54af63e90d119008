"""What runs underneath: threads, CPUs, memory, settings, and the checks of arguments."""
