"""What an initialization has done: the log of writes, the report, its audit, and the progress bar."""
